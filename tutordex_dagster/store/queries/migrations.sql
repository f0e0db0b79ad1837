-- name: lock
SELECT pg_advisory_xact_lock(20251);

-- name: create_ledger
CREATE TABLE IF NOT EXISTS schema_migrations (
    version integer PRIMARY KEY,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);

-- name: has_ledger
SELECT to_regclass('schema_migrations') IS NOT NULL;

-- name: applied
SELECT version, name, checksum FROM schema_migrations ORDER BY version;

-- name: record
INSERT INTO schema_migrations (version, name, checksum) VALUES (%(version)s, %(name)s, %(checksum)s);

-- name: database_exists
SELECT EXISTS (SELECT FROM pg_database WHERE datname = %(name)s);
