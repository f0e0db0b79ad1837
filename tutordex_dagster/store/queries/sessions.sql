-- name: acquire
-- Leases end by the database's clock, the only one that all holders share. A conflicting row is locked even
-- when it may not be taken, so that `one` afterwards sees why.
INSERT INTO telegram_sessions AS known (
    fingerprint, name, environment, holder, lease_token, lease_expires_at, heartbeat_at
)
VALUES (
    %(fingerprint)s, %(name)s, %(environment)s, %(holder)s, gen_random_uuid(),
    clock_timestamp() + make_interval(secs => %(ttl_seconds)s), clock_timestamp()
)
ON CONFLICT (fingerprint) DO UPDATE SET
    name = excluded.name,
    holder = excluded.holder,
    lease_token = excluded.lease_token,
    lease_expires_at = clock_timestamp() + make_interval(secs => %(ttl_seconds)s),
    heartbeat_at = clock_timestamp()
WHERE known.environment = excluded.environment AND known.parked_at IS NULL
AND (known.lease_token IS NULL OR known.lease_expires_at <= clock_timestamp())
RETURNING lease_token;

-- name: renew
UPDATE telegram_sessions SET
    lease_expires_at = clock_timestamp() + make_interval(secs => %(ttl_seconds)s),
    heartbeat_at = clock_timestamp()
WHERE fingerprint = %(fingerprint)s AND lease_token = %(token)s;

-- name: release
UPDATE telegram_sessions SET holder = NULL, lease_token = NULL, lease_expires_at = NULL
WHERE fingerprint = %(fingerprint)s AND lease_token = %(token)s;

-- name: park
UPDATE telegram_sessions SET
    parked_at = coalesce(parked_at, clock_timestamp()), parked_reason = coalesce(parked_reason, %(reason)s),
    holder = NULL, lease_token = NULL, lease_expires_at = NULL
WHERE fingerprint = %(fingerprint)s;

-- name: unpark
UPDATE telegram_sessions SET parked_at = NULL, parked_reason = NULL WHERE fingerprint = %(fingerprint)s;

-- name: note_account
UPDATE telegram_sessions SET account_id = %(account_id)s WHERE fingerprint = %(fingerprint)s;

-- name: all
SELECT
    fingerprint, name, environment, account_id, holder, lease_expires_at, heartbeat_at, parked_at,
    parked_reason, coalesce(lease_expires_at > clock_timestamp(), false) AS held
FROM telegram_sessions
WHERE %(fingerprint)s::text IS NULL OR fingerprint = %(fingerprint)s
ORDER BY environment, name, fingerprint;
