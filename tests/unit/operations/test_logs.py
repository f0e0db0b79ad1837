"""No secret reaches a log, whoever writes the record and whoever handles it."""

import logging
from collections.abc import Iterator
from io import StringIO

import dagster as dg
import pytest
from pydantic import SecretStr

from tutordex_dagster.errors import UsageError
from tutordex_dagster.operations.logs import mask, mask_logs, secrets_of
from tutordex_dagster.settings import Settings

CANARY = "canary-in-the-log"
SESSION = "1" + "aZ3_-" * 70 + "=="


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    return Settings(
        telegram_api_id=1,
        telegram_api_hash=SecretStr(CANARY),
        tutordex_database_url=SecretStr("postgresql://someone:hunter%40two@host/name"),
    )


@pytest.fixture(autouse=True)
def records_as_before() -> Iterator[None]:
    """Put back how records were made before the test."""
    before = logging.getLogRecordFactory()
    yield
    logging.setLogRecordFactory(before)


@pytest.fixture
def shown() -> Iterator[StringIO]:
    """Give what a handler of somebody else writes, as a program's log file would."""
    stream, logger = StringIO(), logging.getLogger("somebody.else")
    handler = logging.StreamHandler(stream)
    logger.addHandler(handler)
    yield stream
    logger.removeHandler(handler)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("cannot reach postgresql://me:secret@host:5432/x", "cannot reach postgresql://me:***@host:5432/x"),
        ("GET https://x.org/a?api_key=abc123&limit=5", "GET https://x.org/a?api_key=***&limit=5"),
        ("open tg://login?token=AbC-9_x", "open tg://login?token=***"),
        ("host=db password=hunter2 dbname=x", "host=db password=*** dbname=x"),
        ("code sent to +65 9123 4567.", "code sent to ***."),
        ("code sent to +6591234567", "code sent to ***"),
        (f"session {SESSION} is dead", "session *** is dead"),
    ],
)
def test_what_looks_like_a_secret_is_masked(said: str, shown: str) -> None:
    assert mask(said) == shown


@pytest.mark.parametrize(
    "said",
    [
        "2026-03-01T00:00:00+00:00 read",
        "2026-11-23 15:03:12 +0800 - dagster",
        "+12 hours, 1234567 messages",
        "t.me/a: 5 new; https://my.telegram.org shows them",
        "fingerprint 0123456789ab, key=catchup",
    ],
)
def test_what_an_operator_needs_stays(said: str) -> None:
    assert mask(said) == said


def test_the_secrets_are_every_hidden_setting_and_the_passwords_in_their_urls(settings: Settings) -> None:
    assert {CANARY, "hunter%40two", "hunter@two"} < set(secrets_of(settings))


def test_a_secret_shorter_than_any_real_one_does_not_blank_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    assert secrets_of(Settings(telegram_api_id=1, telegram_api_hash=SecretStr("x"))) == ()


def test_text_arguments_and_tracebacks_of_any_logger_are_masked(settings: Settings, shown: StringIO) -> None:
    mask_logs(lambda: settings)
    logger = logging.getLogger("somebody.else")
    try:
        int(CANARY)
    except ValueError:
        logger.exception("with %s and hunter@two for %d", CANARY, 3)
    text = shown.getvalue()
    assert "with *** and *** for 3" in text
    assert "base 10: '***'" in text
    assert CANARY not in text


def test_a_record_whose_arguments_do_not_fit_is_masked_too(settings: Settings, shown: StringIO) -> None:
    mask_logs(lambda: settings)
    logging.getLogger("somebody.else").warning("no place for it", CANARY)  # noqa: PLE1205 - the point
    assert "***" in shown.getvalue()
    assert CANARY not in shown.getvalue()


def test_a_harmless_record_is_left_as_it_was_made(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever groups records by their text finds the text."""
    mask_logs(lambda: settings)
    logging.getLogger("somebody.else").warning("%d channels", 3)
    assert (caplog.records[-1].msg, caplog.records[-1].args) == ("%d channels", (3,))


def test_the_log_of_a_dagster_run_is_masked(settings: Settings) -> None:
    mask_logs(lambda: settings)

    @dg.op
    def careless(context: dg.OpExecutionContext) -> None:
        context.log.info("token is %s", CANARY)

    @dg.job
    def job() -> None:
        careless()

    with dg.DagsterInstance.ephemeral() as instance:
        run = job.execute_in_process(instance=instance)
        said = [entry.user_message for entry in instance.all_logs(run.run_id)]
    assert "token is ***" in said
    assert not any(CANARY in line for line in said)


def test_settings_that_cannot_be_read_leave_the_patterns_at_work(shown: StringIO) -> None:
    def unreadable() -> Settings:
        raise UsageError("TUTORDEX_PORT", "is no number", "write one")

    mask_logs(unreadable)
    logging.getLogger("somebody.else").warning("postgresql://me:secret@host/x")
    assert shown.getvalue() == "postgresql://me:***@host/x\n"


def test_masking_again_reads_the_settings_again(settings: Settings, shown: StringIO) -> None:
    mask_logs(lambda: settings)
    mask_logs(lambda: settings.model_copy(update={"telegram_api_hash": SecretStr("another-one")}))
    logging.getLogger("somebody.else").warning("%s %s", CANARY, "another-one")
    assert shown.getvalue() == f"{CANARY} ***\n"
