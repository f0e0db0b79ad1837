"""How an extraction can fail, by what the queue has to do about it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Literal

from pydantic import JsonValue

from tutordex_dagster.errors import PermanentError, TransientError, TutorDexError

Rejection = Literal["truncated", "whitespace_loop", "invalid_json", "schema_violation", "refusal"]
"""What was wrong with an answer of a language model."""


class LaneUnavailable(TransientError):  # noqa: N818 - says what is the case, as the queue reads it
    """Nothing can be extracted for a while, whatever the post: no attempt is burnt and the version pauses.

    `retry_after` is what the server asked for, None when it did not say.
    """

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class LaneStopped(PermanentError):  # noqa: N818 - as above
    """Nothing can be extracted until a person changes something: a key, an address, a model's name."""


class AnswerRejected(TutorDexError):  # noqa: N818 - as above
    """This post's answer is of no use: one attempt is burnt, and after the last one the job is dead.

    `artifact` is the answer as far as it is kept (bounded); `meta` counts what it cost all the same.
    """

    def __init__(
        self, message: str, *, rejection: Rejection, artifact: str, meta: Mapping[str, JsonValue]
    ) -> None:
        super().__init__(message)
        self.rejection = rejection
        self.artifact = artifact
        self.meta = meta
