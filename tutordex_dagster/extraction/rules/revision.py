"""Which rules these are. A unit test holds the digest against the outputs for our own posts."""

REVISION = 3
"""Raised whenever any output changes: results of different rules must never share a pipeline version."""

OUTPUTS_DIGEST = "f8ac3e570158532bf5b861aae9e6e7bcfa8c990be1ce4e3776181ef66316da6a"
"""sha256 over the outputs of both shipped parameter sets for the posts of the unit tests."""
