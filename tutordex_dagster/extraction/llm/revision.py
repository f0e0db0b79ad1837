"""Which reading of a model's answers this is."""

REVISION = 2
"""Raised whenever a post would be asked about differently, or the same answer stored differently."""
