"""Errors are types with a verdict: can trying again help, and what should a person do next?

Every message names the value, the reason and the next step. A secret never enters a message.
"""


def plain(error: OSError) -> str:
    """Return what the operating system refused as one line: the path, if there is one, and the reason."""
    reason = error.strerror or str(error) or type(error).__name__
    return reason if error.filename is None else f"{error.filename}: {reason}"


class TutorDexError(Exception):
    """Base of every error this package raises on purpose."""


class TransientError(TutorDexError):
    """Trying the same thing again later may succeed; no attempt of a message is burnt by it."""


class PermanentError(TutorDexError):
    """Trying the same thing again cannot help; something has to change first."""


class UsageError(PermanentError):
    """A person gave a value that cannot be used: the command line prints one line and exits with code 2."""

    def __init__(self, value: object, reason: str, next_step: str) -> None:
        """Build the one line a person reads: `value: reason; next step`."""
        super().__init__(f"{value}: {reason}; {next_step}")
        self.value = value
        self.reason = reason
        self.next_step = next_step
