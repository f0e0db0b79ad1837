"""Telegram itself as a source: the only place that speaks Telethon. Import it late: that takes a second."""
