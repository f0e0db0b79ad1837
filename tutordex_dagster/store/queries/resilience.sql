-- name: ensure_breaker
INSERT INTO breakers (component, state, failures, changed_at)
VALUES (%(component)s, 'closed', '{}', %(at)s)
ON CONFLICT (component) DO NOTHING;

-- name: lock_breaker
SELECT state, failures, opened_at, reason, probe_token, probe_expires_at, not_before FROM breakers
WHERE component = %(component)s FOR UPDATE;

-- name: breaker
SELECT state, failures, opened_at, reason, probe_token, probe_expires_at, not_before FROM breakers
WHERE component = %(component)s;

-- name: change_breaker
-- changed_at tells since when the state is what it is.
UPDATE breakers SET
    state = %(state)s::breaker_state,
    failures = %(failures)s::timestamptz[],
    opened_at = %(opened_at)s,
    reason = %(reason)s,
    probe_token = %(probe_token)s,
    probe_expires_at = %(probe_expires_at)s,
    not_before = %(not_before)s,
    changed_at = CASE state WHEN %(state)s::breaker_state THEN changed_at ELSE %(at)s END
WHERE component = %(component)s;

-- name: breakers
SELECT component, state, failures, opened_at, reason, probe_token, probe_expires_at, not_before,
    changed_at
FROM breakers ORDER BY component;

-- name: pace
SELECT recent, allowed, flooded_until, changed_at FROM call_pace
WHERE session = %(session)s AND method = %(method)s;

-- name: save_pace
INSERT INTO call_pace (session, method, recent, allowed, flooded_until, changed_at)
VALUES (
    %(session)s, %(method)s, %(recent)s::timestamptz[], %(allowed)s, %(flooded_until)s, %(changed_at)s
)
ON CONFLICT (session, method) DO UPDATE SET
    recent = excluded.recent,
    allowed = excluded.allowed,
    flooded_until = excluded.flooded_until,
    changed_at = excluded.changed_at;

-- name: flooded
SELECT session, method, flooded_until AS until FROM call_pace
WHERE flooded_until > %(now)s ORDER BY session, method;
