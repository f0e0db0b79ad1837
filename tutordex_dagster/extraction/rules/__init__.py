"""The rule-based extractor: general grammar and public Singapore facts, no list of agencies."""

from tutordex_dagster.extraction.rules.extractor import Parameters, RulesExtractor, build
from tutordex_dagster.extraction.rules.revision import OUTPUTS_DIGEST, REVISION

__all__ = ["OUTPUTS_DIGEST", "REVISION", "Parameters", "RulesExtractor", "build"]
