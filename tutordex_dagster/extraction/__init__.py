"""Text to assignments: pipeline versions and the extractors they name. No I/O, no Dagster."""
