"""Channel references: whatever people write becomes one partition key, or an error that says why not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutordex_dagster.capture.references import (
    canonical_reference,
    id_in_reference,
    parse_channel_list,
    reference_of_id,
)
from tutordex_dagster.errors import UsageError


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("t.me/SomeChannel", "t.me/somechannel"),
        ("@SomeChannel", "t.me/somechannel"),
        ("somechannel", "t.me/somechannel"),
        ("https://t.me/SOMECHANNEL/", "t.me/somechannel"),
        ("http://telegram.me/Some_Channel9", "t.me/some_channel9"),
        ("HTTPS://T.ME/Some", "t.me/some"),
        ("https://t.me/s/somechannel", "t.me/somechannel"),
        ("  ' t.me/x_y_z1 ' ", "t.me/x_y_z1"),
        ("t.me/c/1234567890", "t.me/c/1234567890"),
        ("-1001234567890", "t.me/c/1234567890"),
        ("1234567890", "t.me/c/1234567890"),
    ],
)
def test_every_way_to_write_a_channel_gives_its_partition_key(text: str, key: str) -> None:
    assert canonical_reference(text) == key


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("", ()),
        ("t.me/one1,@Two2 ,\nhttps://t.me/three,", ("t.me/one1", "t.me/two2", "t.me/three")),
        ('["t.me/one1", "@two2", -1001234567890]', ("t.me/one1", "t.me/two2", "t.me/c/1234567890")),
        ('"t.me/one1,t.me/two2"', ("t.me/one1", "t.me/two2")),
        ("'[\"t.me/one1\"]'", ("t.me/one1",)),
        ("zeta, alpha, @ZETA, t.me/alpha", ("t.me/zeta", "t.me/alpha")),
    ],
)
def test_a_channel_list_keeps_its_order_and_drops_duplicates(text: str, keys: tuple[str, ...]) -> None:
    assert parse_channel_list(text) == keys


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("abc", "no channel name"),
        ("9lives", "no channel name"),
        ("a" * 33, "no channel name"),
        ("some-channel", "no channel name"),
        ("t.me/one1 t.me/two2", "no channel name"),
        ("https://example.org/somechannel", "no channel name"),
        ("t.me/+AbCdEfGh", "invite link"),
        ("t.me/joinchat/AbCdEfGh", "invite link"),
        ("t.me/somechannel/123", "one post"),
        ("t.me/c/1234567890/5", "one post"),
        ("-4567", "basic group"),
        ('["t.me/one1"', "JSON array"),
        ("[true]", "neither a name nor an id"),
        ("[{}]", "neither a name nor an id"),
    ],
)
def test_a_wrong_reference_is_named_with_the_reason_and_the_next_step(text: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason) as caught:
        parse_channel_list(text)
    assert "write t.me/name" in caught.value.next_step


@given(st.text(max_size=60))
def test_any_text_gives_clean_keys_or_a_usage_error(text: str) -> None:
    try:
        keys = parse_channel_list(text)
    except UsageError:
        return
    assert not any(character in key for key in keys for character in "|,[] ")
    assert parse_channel_list(",".join(keys)) == keys


@given(st.integers(min_value=1, max_value=10**15))
def test_an_id_survives_the_way_through_its_reference(channel_id: int) -> None:
    assert id_in_reference(canonical_reference(reference_of_id(channel_id))) == channel_id


def test_a_named_channel_has_no_id_in_its_reference() -> None:
    assert id_in_reference("t.me/somechannel") is None
