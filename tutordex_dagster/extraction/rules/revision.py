"""Which rules these are. A unit test holds the digest against the outputs for our own posts."""

REVISION = 2
"""Raised whenever any output changes: results of different rules must never share a pipeline version."""

OUTPUTS_DIGEST = "0bb6599fb727b4a9365a8cf8c7e01237f493978d9a33c58abe2e64a605134818"
"""sha256 over the outputs of both shipped parameter sets for the posts of the unit tests."""
