"""Comparison of pipeline versions: what differs, what that is worth, and a report a person can act on."""
