-- name: register
INSERT INTO channels AS known (channel_id, reference, title, source_kind, collect_since)
VALUES (%(channel_id)s, lower(%(reference)s), %(title)s, %(source)s::source_kind, %(collect_since)s)
ON CONFLICT (channel_id) DO UPDATE SET
    title = excluded.title,
    -- An imported export adds history to a channel; it never takes the place of what is collected live.
    source_kind = CASE excluded.source_kind WHEN 'export' THEN known.source_kind ELSE excluded.source_kind END,
    collect_since = least(known.collect_since, excluded.collect_since),
    -- Every kind of source counts in cursors of its own.
    cursor = CASE WHEN excluded.source_kind IN ('export', known.source_kind) THEN known.cursor END,
    cursor_at = CASE WHEN excluded.source_kind IN ('export', known.source_kind) THEN known.cursor_at END
WHERE known.reference = excluded.reference
RETURNING
    channel_id, reference, title, source_kind, collect_since, cursor, cursor_at, member, problem, problem_at,
    listed;

-- name: clashing
SELECT channel_id, reference FROM channels
WHERE channel_id = %(channel_id)s OR reference = lower(%(reference)s)
ORDER BY channel_id;

-- name: all
SELECT channel_id, reference, title, source_kind, collect_since, cursor, cursor_at, member, problem, problem_at,
    listed
FROM channels ORDER BY reference;

-- name: by_reference
SELECT channel_id, reference, title, source_kind, collect_since, cursor, cursor_at, member, problem, problem_at,
    listed
FROM channels WHERE reference = ANY (%(references)s) ORDER BY reference;

-- name: by_id
SELECT channel_id, reference, title, source_kind, collect_since, cursor, cursor_at, member, problem, problem_at,
    listed
FROM channels WHERE channel_id = %(channel_id)s;

-- name: note_problem
UPDATE channels SET
    problem = %(problem)s, problem_at = CASE WHEN %(problem)s::text IS NOT NULL THEN %(at)s::timestamptz END
WHERE channel_id = %(channel_id)s;

-- name: note_member
UPDATE channels SET member = %(member)s WHERE channel_id = %(channel_id)s;

-- name: note_listed
-- Exports are not listed to be collected: they never change.
UPDATE channels SET listed = NOT listed
WHERE source_kind <> 'export' AND listed <> (reference = ANY (%(references)s));

-- name: access
SELECT channel_id, access_hash FROM channel_access WHERE account_id = %(account_id)s;

-- name: note_access
INSERT INTO channel_access (account_id, channel_id, access_hash)
VALUES (%(account_id)s, %(channel_id)s, %(access_hash)s)
ON CONFLICT (account_id, channel_id) DO UPDATE SET access_hash = excluded.access_hash;

-- name: wanted
SELECT reference, problem, checked_at FROM wanted_channels ORDER BY reference;

-- name: note_wanted
INSERT INTO wanted_channels (reference, problem, checked_at)
VALUES (lower(%(reference)s), %(problem)s, %(at)s)
ON CONFLICT (reference) DO UPDATE SET problem = excluded.problem, checked_at = excluded.checked_at;

-- name: forget_wanted
DELETE FROM wanted_channels WHERE reference = ANY (%(references)s);

-- name: add_export
INSERT INTO channel_exports (channel_id, path, timezone, first_at, vouches_until, messages)
VALUES (%(channel_id)s, %(path)s, %(timezone)s, %(first_at)s, %(vouches_until)s, %(messages)s)
ON CONFLICT (channel_id, path) DO UPDATE SET
    timezone = excluded.timezone,
    first_at = excluded.first_at,
    vouches_until = excluded.vouches_until,
    imported_at = excluded.imported_at,
    messages = excluded.messages;

-- name: exports
SELECT channel_id, path, timezone, first_at, vouches_until, messages FROM channel_exports
WHERE channel_id = %(channel_id)s ORDER BY vouches_until DESC, path;
