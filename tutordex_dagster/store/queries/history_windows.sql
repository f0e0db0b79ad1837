-- name: forget_stale
DELETE FROM history_windows
WHERE channel_id = %(channel_id)s AND began_at <= %(resume_after)s
AND (lease_token IS NULL OR lease_expires_at <= clock_timestamp());

-- name: claim
-- Leases end by the database's clock, the only one that all readers share.
WITH claimed AS (
    INSERT INTO history_windows AS known (channel_id, since, until, began_at, lease_token, lease_expires_at)
    VALUES (
        %(channel_id)s, %(since)s, %(until)s, %(began_at)s, gen_random_uuid(),
        clock_timestamp() + make_interval(secs => %(lease_seconds)s)
    )
    ON CONFLICT (channel_id, since, until) DO UPDATE SET
        lease_token = excluded.lease_token,
        lease_expires_at = clock_timestamp() + make_interval(secs => %(lease_seconds)s)
    WHERE known.lease_token IS NULL OR known.lease_expires_at <= clock_timestamp()
    RETURNING lease_token, began_at
)
SELECT
    claimed.lease_token AS token, claimed.began_at,
    coalesce((
        SELECT min(grid.hour)
        FROM generate_series(
            %(since)s::timestamptz, %(until)s::timestamptz - interval '1 hour', interval '1 hour'
        ) AS grid (hour)
        LEFT JOIN channel_hours AS ledger ON ledger.channel_id = %(channel_id)s AND ledger.hour = grid.hour
        WHERE ledger.swept_at IS NULL OR ledger.swept_at < claimed.began_at
    ), %(until)s) AS next_hour
FROM claimed;

-- name: renew
UPDATE history_windows SET lease_expires_at = clock_timestamp() + make_interval(secs => %(lease_seconds)s)
WHERE lease_token = %(token)s;

-- name: release
UPDATE history_windows SET lease_token = NULL, lease_expires_at = NULL WHERE lease_token = %(token)s;

-- name: finish
DELETE FROM history_windows WHERE lease_token = %(token)s;
