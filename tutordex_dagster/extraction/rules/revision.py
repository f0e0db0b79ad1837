"""Which rules these are. A unit test holds the digest against the outputs for our own posts."""

REVISION = 1
"""Raised whenever any output changes: results of different rules must never share a pipeline version."""

OUTPUTS_DIGEST = "2116f889c6d48614f4c897f26945ada365ff2eca9469307e9e9227fed62840d9"
"""sha256 over the outputs of both shipped parameter sets for the posts of the unit tests."""
