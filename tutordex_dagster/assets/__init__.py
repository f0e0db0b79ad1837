"""What exists: assets, their checks, and the events they write."""
