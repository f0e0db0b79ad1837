"""Which rules these are. A unit test holds the digest against the outputs for our own posts."""

REVISION = 2
"""Raised whenever any output changes: results of different rules must never share a pipeline version."""

OUTPUTS_DIGEST = "aad157290c42bb19de8bfd351687349b09a6ba961105118be1e60cbb26b0d869"
"""sha256 over the outputs of both shipped parameter sets for the posts of the unit tests."""
