"""Extraction by a language model: everything but the network, which it is handed as a `ChatModel`."""

from tutordex_dagster.extraction.llm.revision import REVISION

__all__ = ["REVISION"]
