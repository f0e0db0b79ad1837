"""Which rules these are. A unit test holds the digest against the outputs for our own posts."""

REVISION = 2
"""Raised whenever any output changes: results of different rules must never share a pipeline version."""

OUTPUTS_DIGEST = "ac9bd8f89fe3d2605e60c8021654ae847e0847797308daaee1daa2e0726bc381"
"""sha256 over the outputs of both shipped parameter sets for the posts of the unit tests."""
