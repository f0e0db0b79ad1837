"""Findings about the language model of a version. Pure judgements, like `doctor`."""

from collections.abc import Sequence

from tutordex_dagster.operations.doctor import Finding, fail, ok, warn

SUBJECT = "language model"

_SHOWN = 5
"""Models that are named when ours is not among them."""


def not_set(version: str, api_url: str | None, model: str | None) -> Finding | None:
    """Judge whether there is somebody to ask; None when there is."""
    if not api_url:
        detail = f"version {version} asks a language model, but LLM_API_URL is not set"
        return fail(SUBJECT, detail, "set it to an OpenAI-compatible server (docs/llm.md)")
    if not model:
        detail = f"version {version} asks a language model, but LLM_MODEL_NAME is not set"
        return fail(SUBJECT, detail, f"set it to one that {api_url} serves")
    return None


def listed(api_url: str, model: str, models: Sequence[str]) -> Finding:
    """Judge whether the server serves the model; some serve one whatever it is called, or list none."""
    if model in models:
        return ok(SUBJECT, f"{api_url} answers and serves {model}")
    shown = ", ".join(models[:_SHOWN]) or "none"
    detail = f"{api_url} answers, but does not list {model}; it lists {shown}"
    return warn(SUBJECT, detail, "compare LLM_MODEL_NAME; a server with one model may not mind")
