"""What all tests share: an environment in which a developer's shell changes nothing."""

import os
import signal

from hypothesis import settings

from tutordex_dagster.settings import Settings

_SETTINGS = {name.upper() for name in Settings.model_fields}
_OURS = ("TUTORDEX_", "DAGSTER_", "PG")
_KEPT = {
    "TUTORDEX_TEST_DATABASE_URL",  # where to find another Postgres than the embedded one
    "TUTORDEX_TEST_LLM_URL",  # where to find a real chat server
    "TUTORDEX_SOAK",  # `make soak`: longer outages
}

for _name in list(os.environ):
    if (_name in _SETTINGS or _name.startswith(_OURS)) and _name not in _KEPT:
        del os.environ[_name]

# A background job of a script inherits an ignored SIGINT, and Dagster makes SIGTERM do what SIGINT does: the
# children of the tests would then ignore both.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long one example takes tells of the machine, not of the code: benchmarks measure, tests do not.
settings.register_profile("tutordex", deadline=None, max_examples=50)
settings.load_profile("tutordex")
