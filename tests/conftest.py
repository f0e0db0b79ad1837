"""What all tests share: an environment in which a developer's shell changes nothing."""

import os
import signal

_OURS = (
    "CHANNEL_LIST",
    "TUTORDEX_",
    "EXTRACTION_",
    "TELEGRAM_",
    "SESSION_STRING",
    "SUPABASE_",
    "DAGSTER_",
    "PG",
)
_KEPT = {"TUTORDEX_TEST_DATABASE_URL"}  # where to find another Postgres than the embedded one

for _name in [name for name in os.environ if name.startswith(_OURS) and name not in _KEPT]:
    del os.environ[_name]

# A background job of a script inherits an ignored SIGINT, and Dagster makes SIGTERM do what SIGINT does: the
# children of the tests would then ignore both.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
