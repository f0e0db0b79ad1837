"""Which rules these are. A unit test holds the digest against the outputs for our own posts."""

REVISION = 2
"""Raised whenever any output changes: results of different rules must never share a pipeline version."""

OUTPUTS_DIGEST = "cfa1deef4f85de8018a716a3de9e43071ffef3e685502758b393dac1026d34c8"
"""sha256 over the outputs of both shipped parameter sets for the posts of the unit tests."""
