"""Which rules these are. A unit test holds the digest against the outputs for our own posts."""

REVISION = 3
"""Raised whenever any output changes: results of different rules must never share a pipeline version."""

OUTPUTS_DIGEST = "16c4bbd5efda62e4b418d6a0c415db20e5993af59511e69db7f466bfb0cc1372"
"""sha256 over the outputs of both shipped parameter sets for the posts of the unit tests."""
