"""How posts become assignments: the queue, the language model, and when to be suspicious of the result."""

from pydantic import BaseModel, Field, SecretStr, field_validator

from tutordex_dagster.extraction.llm.address import ServerUrl


class Extraction(BaseModel):
    """The version, and the queue of its jobs."""

    extraction_pipeline_version: str | None = Field(
        None,
        description="The version commands work on where none is named; unset: the live one, which"
        " `assignments` shows and only `tutordex promote` changes. On an empty database it becomes the live"
        " one; unset: `rules`.",
    )
    extraction_queue_enabled: bool = Field(
        True, description="0 stores raw messages only and enqueues no extraction."
    )
    extraction_worker_oneshot: bool = Field(
        False, description="1 makes `tutordex drain` exit once the queue is empty."
    )
    extraction_worker_max_jobs: int | None = Field(
        None, ge=1, description="`tutordex drain` stops after this many jobs."
    )
    extraction_worker_batch_size: int = Field(
        200, ge=1, le=1000, description="Jobs claimed and finished in one transaction."
    )
    extraction_lease_secs: int = Field(
        300, ge=10, description="Seconds after which a job whose worker died is given to another."
    )
    max_message_retries: int = Field(
        5, ge=1, le=100, description="Attempts at one message before its job is declared dead."
    )
    retry_delay_base_secs: float = Field(
        60, gt=0, description="Seconds before the second attempt; doubles with every further one."
    )


class LanguageModel(BaseModel):
    """The server that is asked, and what for."""

    llm_api_url: ServerUrl | None = Field(
        None,
        description="Address of an OpenAI-compatible server, such as `http://127.0.0.1:8080/v1`. A pipeline"
        " file may name another; so with every `LLM_` setting but the key (docs/llm.md).",
    )
    llm_api_key: SecretStr | None = Field(None, description="Key of that server. Unset: none is sent.")
    llm_model_name: str | None = Field(
        None, description="Model that server is asked for. Part of a version's identity, as the prompt is."
    )
    llm_system_prompt_file: str | None = Field(
        None,
        description="File of the system prompt; a relative path starts at the project. Wins over"
        " `LLM_SYSTEM_PROMPT_TEXT`; with neither, `prompts/extraction.md`.",
    )
    llm_system_prompt_text: str | None = Field(None, description="The system prompt itself.")
    llm_few_shot: str = Field(
        "default",
        description="Examples shown to the model: a set of `prompts/few_shot`, a YAML file, or `none`.",
    )
    llm_max_tokens: int = Field(2048, ge=64, description="Longest answer in tokens; a longer one is cut off.")
    llm_concurrency: int = Field(8, ge=1, le=512, description="Calls of one process that may wait at once.")
    llm_timeout_secs: float = Field(120, gt=0, description="Longest wait for one answer of the server.")
    llm_price_prompt: float | None = Field(
        None, ge=0, description="Price of a million prompt tokens, in any currency. Unset: no cost is shown."
    )
    llm_price_completion: float | None = Field(
        None, ge=0, description="Price of a million answered tokens, in the same currency."
    )

    @field_validator("llm_api_key")
    @classmethod
    def _sendable_key(cls, value: SecretStr | None) -> SecretStr | None:
        """Refuse what no header takes: a library that refuses it later shows it."""
        key = value.get_secret_value() if value else ""
        if not key.isascii() or not key.isprintable() or key != key.strip():
            raise ValueError("holds a space at an end, a line break or a special letter; copy the key anew")
        return value


class Quality(BaseModel):
    """Bounds for what is shown."""

    extraction_failure_share_limit: float = Field(
        0.2,
        gt=0,
        le=1,
        description="Share of failed and dead extractions of the live version in a day above which"
        " `assignments` is not updated.",
    )
    duplicate_days: int = Field(
        7,
        ge=1,
        le=60,
        description="Days two posts of the same assignment by different agencies may be apart.",
    )
    freshness_hours: int = Field(
        24, ge=1, description="A channel whose newest message is older than this is reported as silent."
    )
