-- name: register
INSERT INTO channels AS known (channel_id, reference, title, source_kind, collect_since)
VALUES (%(channel_id)s, lower(%(reference)s), %(title)s, %(source)s::source_kind, %(collect_since)s)
ON CONFLICT (channel_id) DO UPDATE SET
    title = excluded.title,
    -- An imported export adds history to a channel; it never takes the place of what is collected live.
    source_kind = CASE excluded.source_kind WHEN 'export' THEN known.source_kind ELSE excluded.source_kind END,
    collect_since = least(known.collect_since, excluded.collect_since)
WHERE known.reference = excluded.reference
RETURNING channel_id, reference, title, source_kind, collect_since;

-- name: clashing
SELECT channel_id, reference FROM channels
WHERE channel_id = %(channel_id)s OR reference = lower(%(reference)s)
ORDER BY channel_id;

-- name: all
SELECT channel_id, reference, title, source_kind, collect_since FROM channels ORDER BY reference;

-- name: by_reference
SELECT channel_id, reference, title, source_kind, collect_since FROM channels
WHERE reference = ANY (%(references)s) ORDER BY reference;

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
