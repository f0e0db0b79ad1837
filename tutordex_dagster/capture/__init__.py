"""Telegram to the raw log: message sources, sweeps over hours, coverage. No Dagster, no SQL."""
