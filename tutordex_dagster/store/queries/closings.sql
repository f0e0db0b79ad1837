-- name: settle
-- Which status post closes each of these rows (all of the channel, or those with the codes or messages): the
-- first one that points to its message, or names a code of which this is the newest one posted before that still
-- stands by itself. A pointer with codes means only those; a code that a pointed message has is meant there.
WITH scope AS MATERIALIZED (
    SELECT message_id, segment, code_key, own_closing, closed_by
    FROM projected_assignments
    WHERE projection = %(version)s AND channel_id = %(channel_id)s
    AND (%(every)s OR code_key = ANY (%(codes)s) OR message_id = ANY (%(message_ids)s))
),
standing AS MATERIALIZED (
    SELECT message_id, posted_at, points, codes
    FROM status_posts
    WHERE projection = %(version)s AND channel_id = %(channel_id)s
    AND (
        %(every)s
        OR codes && ARRAY(SELECT code_key FROM scope WHERE code_key IS NOT NULL)
        OR points && ARRAY(SELECT message_id FROM scope)
    )
),
claims AS MATERIALIZED (
    SELECT unnest(points) AS message_id, NULL AS code, codes, message_id AS closed_by, posted_at FROM standing
    UNION ALL
    SELECT newest.message_id, named.code, '{}', named.message_id, named.posted_at
    FROM (SELECT *, unnest(codes) AS code FROM standing) AS named
    CROSS JOIN LATERAL (
        SELECT shown.message_id FROM projected_assignments AS shown
        WHERE shown.projection = %(version)s AND shown.channel_id = %(channel_id)s
        AND shown.code_key = named.code AND shown.own_closing IS NULL
        AND (shown.posted_at, shown.message_id) < (named.posted_at, named.message_id)
        ORDER BY shown.posted_at DESC, shown.message_id DESC LIMIT 1
    ) AS newest
    WHERE NOT EXISTS (
        SELECT FROM projected_assignments AS pointed
        WHERE pointed.projection = %(version)s AND pointed.channel_id = %(channel_id)s
        AND pointed.message_id = ANY (named.points) AND pointed.code_key = named.code
        OFFSET 0 -- code by code through the index: joined, each would read the whole channel
    )
),
settled AS (
    SELECT DISTINCT ON (scope.message_id, scope.segment)
        scope.message_id, scope.segment, scope.own_closing, scope.closed_by AS was, claims.closed_by
    FROM scope
    LEFT JOIN claims ON claims.message_id = scope.message_id
        AND (claims.code IS NULL OR claims.code = scope.code_key)
        AND (claims.codes = '{}' OR scope.code_key = ANY (claims.codes))
    ORDER BY scope.message_id, scope.segment, claims.posted_at, claims.closed_by
),
changed AS (
    UPDATE projected_assignments AS shown SET closed_by = settled.closed_by, updated_at = %(at)s
    FROM settled
    WHERE shown.projection = %(version)s AND shown.channel_id = %(channel_id)s
    AND shown.message_id = settled.message_id AND shown.segment = settled.segment
    AND settled.was IS DISTINCT FROM settled.closed_by
    RETURNING shown.status, settled.own_closing, settled.was
)
SELECT
    count(*) FILTER (WHERE status = 'closed' AND own_closing IS NULL AND was IS NULL) AS closed,
    count(*) FILTER (WHERE status = 'open') AS reopened
FROM changed;

-- name: delete_messages
-- Deletions show at once, in every projection. Returns what has to be settled there.
WITH gone AS (
    UPDATE projected_assignments SET own_closing = 'deleted', updated_at = %(at)s
    WHERE channel_id = %(channel_id)s AND message_id = ANY (%(message_ids)s)
    RETURNING projection, code_key
),
fallen AS (
    DELETE FROM status_posts
    WHERE channel_id = %(channel_id)s AND message_id = ANY (%(message_ids)s)
    RETURNING projection, points, codes
),
again AS (
    SELECT projection, code_key AS code, NULL::bigint AS message_id FROM gone
    UNION ALL SELECT projection, unnest(codes), NULL FROM fallen
    UNION ALL SELECT projection, NULL, unnest(points) FROM fallen
)
SELECT
    projection,
    coalesce(array_agg(DISTINCT code) FILTER (WHERE code IS NOT NULL), '{}'),
    coalesce(array_agg(DISTINCT message_id) FILTER (WHERE message_id IS NOT NULL), '{}')
FROM again GROUP BY projection;
