"""Which rules these are. A unit test holds the digest against the outputs for our own posts."""

REVISION = 2
"""Raised whenever any output changes: results of different rules must never share a pipeline version."""

OUTPUTS_DIGEST = "745fe80ecfa3abe6046017f675fa2e39455e104520acd0536684dc151c5819f3"
"""sha256 over the outputs of both shipped parameter sets for the posts of the unit tests."""
