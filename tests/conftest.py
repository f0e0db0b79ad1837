"""What all tests share: an environment in which a developer's shell changes nothing."""

import os

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
