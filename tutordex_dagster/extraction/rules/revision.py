"""Which rules these are. A unit test holds the digest against the outputs for our own posts."""

REVISION = 2
"""Raised whenever any output changes: results of different rules must never share a pipeline version."""

OUTPUTS_DIGEST = "b8d3c02e4a2fa05c6c5b78156e61c823095beaa07054bbbc079cbe984c20ab71"
"""sha256 over the outputs of both shipped parameter sets for the posts of the unit tests."""
