"""The pipeline versions of these settings: their files, and what the environment adds to them."""

from tutordex_dagster.extraction.llm.spec import LlmDefaults
from tutordex_dagster.extraction.versions import PipelineSpec, load_pipelines
from tutordex_dagster.settings import PROJECT, Settings


def load_versions(settings: Settings) -> tuple[PipelineSpec, ...]:
    """Read the folder of pipeline files; UsageError names the first file that cannot be used."""
    return load_pipelines(settings.tutordex_pipelines, llm_defaults(settings))


def llm_defaults(settings: Settings) -> LlmDefaults:
    """Return what a pipeline file need not say about its language model."""
    return LlmDefaults(
        root=PROJECT,
        api_url=settings.llm_api_url,
        model=settings.llm_model_name,
        prompt_file=settings.llm_system_prompt_file,
        prompt_text=settings.llm_system_prompt_text,
        few_shot=settings.llm_few_shot,
        max_tokens=settings.llm_max_tokens,
        concurrency=settings.llm_concurrency,
        timeout_seconds=settings.llm_timeout_secs,
        price_prompt=settings.llm_price_prompt,
        price_completion=settings.llm_price_completion,
    )
