"""How often a sensor looks, as Dagster has to be told."""

_SLACK_SECONDS = 1


def minimum_interval(seconds: int) -> int:
    """Return the `minimum_interval_seconds` of a sensor that is to look every so many seconds.

    Dagster comes by every five seconds and passes over a sensor that is due a moment later: told of 10 s, it
    would look after 10 s or after 15 s, as it happens.
    """
    return seconds - _SLACK_SECONDS
