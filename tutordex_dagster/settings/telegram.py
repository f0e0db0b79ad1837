"""How Telegram is reached, and how its channels are followed."""

from typing import Self

from pydantic import BaseModel, Field, SecretStr, model_validator


class Telegram(BaseModel):
    """The account, its sessions, and how it is called."""

    telegram_api_id: int | None = Field(
        None,
        ge=1,
        description="From https://my.telegram.org. With `TELEGRAM_API_HASH` and a session: live Telegram.",
    )
    telegram_api_hash: SecretStr | None = Field(None, description="From https://my.telegram.org.")
    session_string: SecretStr | None = Field(
        None,
        description="Session that follows the channels (`tutordex login` makes one). Wins over `TG_SESSION`.",
    )
    tg_session: str = Field(
        "tutordex.session", description="File of that session; a relative path starts at `TUTORDEX_HOME`."
    )
    session_string_recovery: SecretStr | None = Field(
        None,
        description="Session that reads history (catchup, backfill, sealing). Wins over"
        " `TG_SESSION_RECOVERY`; with neither, history is read through the first session"
        " whenever nobody follows with it.",
    )
    tg_session_recovery: str = Field(
        "tutordex_recovery.session",
        description="File of that session; a relative path starts at `TUTORDEX_HOME`.",
    )
    session_string_media: SecretStr | None = Field(
        None, description="Session for media. Wins over `TG_SESSION_MEDIA`."
    )
    tg_session_media: str = Field(
        "tutordex_media.session",
        description="File of that session; a relative path starts at `TUTORDEX_HOME`.",
    )
    session_lease_secs: int = Field(
        30,
        ge=3,
        description="Seconds after which a session whose holder died may be used by another process.",
    )
    telegram_answer_secs: float = Field(30, gt=0, description="Longest wait for one answer of Telegram.")
    telegram_history_calls_per_30s: int = Field(
        10,
        ge=1,
        description="History calls in any 30 seconds; fewer after a flood wait, until it has been quiet.",
    )
    telegram_flood_patience_secs: float = Field(
        600,
        ge=0,
        description="A run waits for a flood wait up to this long; a longer one ends the run, and the rest is"
        " read when it is over.",
    )
    telegram_takeout: bool = Field(
        False, description="1 reads backfills in a takeout session (Telegram tells the account's owner)."
    )

    @model_validator(mode="after")
    def _whole_telegram_pair(self) -> Self:
        if (self.telegram_api_id is None) != (self.telegram_api_hash is None):
            given, lacking = "TELEGRAM_API_ID", "TELEGRAM_API_HASH"
            if self.telegram_api_id is None:
                given, lacking = lacking, given
            raise ValueError(
                f"{lacking}: is missing while {given} is set; set both, https://my.telegram.org shows them"
            )
        return self

    @property
    def telegram_configured(self) -> bool:
        """Tell whether Telegram can be asked at all: API id and hash are set. A session is needed besides."""
        return self.telegram_api_id is not None and self.telegram_api_hash is not None


class Following(BaseModel):
    """The tail: new posts, edits and deletions."""

    tail_enabled: bool = Field(
        True, description="0 stops the sensor that follows new posts, edits and deletions."
    )
    tail_check_interval_seconds: int = Field(
        10,
        ge=5,
        description="Seconds between two looks of the tail sensor for new posts, edits and deletions.",
    )
    tail_rescan_days: int = Field(
        14, ge=1, description="Days of history that are read again when Telegram cannot list what changed."
    )
    connection_check_secs: float = Field(
        30, gt=0, description="Seconds between two connection checks of `tutordex tail`."
    )
    heartbeat_secs: float = Field(60, gt=0, description="Seconds between two heartbeats of `tutordex tail`.")
    max_restarts: int = Field(
        10,
        ge=0,
        description="Restarts in a row before `tutordex tail`, or `tutordex up` with a program, gives up.",
    )
    backfill_on_start: bool = Field(
        False,
        description="1 makes `tutordex tail` read the newest `BACKFILL_LIMIT` posts of every channel first.",
    )
    backfill_limit: int = Field(
        0, ge=0, description="Posts of each channel for `BACKFILL_ON_START`; 0 reads none."
    )
