"""Tuition assignments from Telegram channels, as a Dagster project."""
