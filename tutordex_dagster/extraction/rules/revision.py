"""Which rules these are. A unit test holds the digest against the outputs for our own posts."""

REVISION = 1
"""Raised whenever any output changes: results of different rules must never share a pipeline version."""

OUTPUTS_DIGEST = "86e2af77edaf06f03b7eb9a10fe431ffa026ffec8e0dc16482ac677dfcbd3cbc"
"""sha256 over the outputs of both shipped parameter sets for the posts of the unit tests."""
