-- name: lock
-- One process at a time: groups grow together. A page's plan is not worth compiling, nor keeping: one made when
-- there was next to nothing reads whole tables.
SELECT
    pg_advisory_xact_lock(2, 0), set_config('jit', 'off', true),
    set_config('plan_cache_mode', 'force_custom_plan', true);

-- name: take_unmatched
DELETE FROM unmatched
WHERE projection = %(version)s
AND (channel_id, message_id) IN (
    SELECT channel_id, message_id FROM unmatched
    WHERE projection = %(version)s ORDER BY channel_id, message_id LIMIT %(limit)s
)
RETURNING channel_id, message_id;

-- name: forget
-- Keys and pairs of these messages go; returns the messages at the other ends.
WITH gone AS (
    SELECT * FROM unnest(%(channel_ids)s::bigint[], %(message_ids)s::bigint[]) AS gone (channel_id, message_id)
),
keys AS (
    DELETE FROM advert_keys AS known USING gone
    WHERE known.projection = %(version)s
    AND known.channel_id = gone.channel_id AND known.message_id = gone.message_id
),
first AS (
    DELETE FROM duplicate_pairs AS pair USING gone
    WHERE pair.projection = %(version)s
    AND pair.channel_id = gone.channel_id AND pair.message_id = gone.message_id
    RETURNING other_channel_id, other_message_id
),
second AS (
    DELETE FROM duplicate_pairs AS pair USING gone
    WHERE pair.projection = %(version)s
    AND pair.other_channel_id = gone.channel_id AND pair.other_message_id = gone.message_id
    RETURNING pair.channel_id, pair.message_id
)
SELECT * FROM first UNION SELECT * FROM second;

-- name: leave
-- What has no pair any more leaves its group; returns the groups.
DELETE FROM duplicate_groups AS known
USING unnest(%(channel_ids)s::bigint[], %(message_ids)s::bigint[]) AS told (channel_id, message_id)
WHERE known.projection = %(version)s
AND known.channel_id = told.channel_id AND known.message_id = told.message_id
AND NOT EXISTS (
    SELECT FROM duplicate_pairs AS pair
    WHERE pair.projection = %(version)s AND pair.channel_id = known.channel_id
    AND pair.message_id = known.message_id AND pair.segment = known.segment
    OFFSET 0
)
AND NOT EXISTS (
    SELECT FROM duplicate_pairs AS pair
    WHERE pair.projection = %(version)s AND pair.other_channel_id = known.channel_id
    AND pair.other_message_id = known.message_id AND pair.other_segment = known.segment
    OFFSET 0
)
RETURNING known.group_id;

-- name: small
-- Those of the groups that are not crowded. None is counted further than that takes.
SELECT told.group_id
FROM unnest(%(groups)s::text[]) AS told (group_id)
CROSS JOIN LATERAL (
    SELECT count(*) AS members FROM (
        SELECT FROM duplicate_groups AS known
        WHERE known.projection = %(version)s AND known.group_id = told.group_id
        LIMIT %(crowded)s + 1
    ) AS known
) AS enough
WHERE enough.members <= %(crowded)s;

-- name: numbers
SELECT nextval('crowded_groups') FROM generate_series(1, %(count)s::integer);

-- name: pairs
-- All pairs of these groups.
SELECT
    pair.channel_id, pair.message_id, pair.segment, pair.other_channel_id, pair.other_message_id, pair.other_segment
FROM unnest(%(groups)s::text[]) AS told (group_id)
CROSS JOIN LATERAL (
    SELECT * FROM duplicate_groups AS known
    WHERE known.projection = %(version)s AND known.group_id = told.group_id
    OFFSET 0
) AS member
CROSS JOIN LATERAL (
    SELECT * FROM duplicate_pairs AS each
    WHERE each.projection = %(version)s AND each.channel_id = member.channel_id
    AND each.message_id = member.message_id AND each.segment = member.segment
    OFFSET 0
) AS pair;

-- name: adverts
SELECT
    shown.channel_id, shown.message_id, shown.segment, shown.posted_at, shown.postal_code, shown.address,
    shown.levels, shown.subjects, shown.rate_min::float8, shown.rate_max::float8
FROM unnest(%(channel_ids)s::bigint[], %(message_ids)s::bigint[]) AS wanted (channel_id, message_id)
CROSS JOIN LATERAL (
    SELECT * FROM projected_assignments AS each
    WHERE each.channel_id = wanted.channel_id AND each.message_id = wanted.message_id
    AND each.projection = %(version)s AND each.status = 'open'
    OFFSET 0
) AS shown;

-- name: add_keys
INSERT INTO advert_keys (projection, key, posted_at, channel_id, message_id, segment)
SELECT %(version)s, key, posted_at, channel_id, message_id, segment
FROM unnest(
    %(keys)s::text[], %(posted)s::timestamptz[], %(channel_ids)s::bigint[], %(message_ids)s::bigint[],
    %(segments)s::integer[]
) AS made (key, posted_at, channel_id, message_id, segment)
ON CONFLICT DO NOTHING;

-- name: candidates
-- The nearest in time on either side of every key, at most so many: a crowded key costs no more than any other.
SELECT DISTINCT
    own.channel_id, own.message_id, own.segment, near.channel_id, near.message_id, near.segment
FROM unnest(
    %(keys)s::text[], %(posted)s::timestamptz[], %(channel_ids)s::bigint[], %(message_ids)s::bigint[],
    %(segments)s::integer[]
) AS own (key, posted_at, channel_id, message_id, segment)
CROSS JOIN LATERAL (
    (
        SELECT channel_id, message_id, segment FROM advert_keys AS each
        WHERE each.projection = %(version)s AND each.key = own.key
        AND each.posted_at <= own.posted_at AND each.posted_at >= own.posted_at - %(within)s::interval
        ORDER BY each.posted_at DESC LIMIT %(nearest)s
    )
    UNION ALL
    (
        SELECT channel_id, message_id, segment FROM advert_keys AS each
        WHERE each.projection = %(version)s AND each.key = own.key
        AND each.posted_at > own.posted_at AND each.posted_at <= own.posted_at + %(within)s::interval
        ORDER BY each.posted_at LIMIT %(nearest)s
    )
) AS near
WHERE near.channel_id <> own.channel_id;

-- name: add_pairs
INSERT INTO duplicate_pairs (
    projection, channel_id, message_id, segment, other_channel_id, other_message_id, other_segment, score, evidence
)
SELECT %(version)s, made.*
FROM jsonb_to_recordset(%(pairs)s) AS made (
    channel_id bigint, message_id bigint, segment integer, other_channel_id bigint, other_message_id bigint,
    other_segment integer, score real, evidence jsonb
)
ON CONFLICT DO NOTHING;

-- name: labels
SELECT channel_id, message_id, segment, group_id
FROM unnest(%(channel_ids)s::bigint[], %(message_ids)s::bigint[], %(segments)s::integer[])
    AS wanted (channel_id, message_id, segment)
JOIN duplicate_groups USING (channel_id, message_id, segment)
WHERE projection = %(version)s;

-- name: relabel
UPDATE duplicate_groups AS known SET group_id = told.new
FROM unnest(%(old)s::text[], %(new)s::text[]) AS told (old, new)
WHERE known.projection = %(version)s AND known.group_id = told.old;

-- name: regroup
INSERT INTO duplicate_groups (projection, channel_id, message_id, segment, group_id)
SELECT %(version)s, channel_id, message_id, segment, group_id
FROM unnest(%(channel_ids)s::bigint[], %(message_ids)s::bigint[], %(segments)s::integer[], %(groups)s::text[])
    AS told (channel_id, message_id, segment, group_id)
ON CONFLICT (channel_id, message_id, segment, projection) DO UPDATE SET group_id = excluded.group_id
WHERE duplicate_groups.group_id <> excluded.group_id;

-- name: shown_pairs
SELECT
    grouped.group_id, one_channel.reference AS one, one.message_id AS one_message, one.assignment_code AS one_code,
    other_channel.reference AS other, other.message_id AS other_message, other.assignment_code AS other_code,
    pair.score, pair.evidence
FROM duplicate_pairs AS pair
JOIN likely_duplicates AS one USING (channel_id, message_id, segment)
JOIN likely_duplicates AS other ON other.channel_id = pair.other_channel_id
    AND other.message_id = pair.other_message_id AND other.segment = pair.other_segment
JOIN duplicate_groups AS grouped ON grouped.projection = pair.projection
    AND grouped.channel_id = one.channel_id AND grouped.message_id = one.message_id
    AND grouped.segment = one.segment
JOIN channels AS one_channel ON one_channel.channel_id = one.channel_id
JOIN channels AS other_channel ON other_channel.channel_id = other.channel_id
WHERE pair.projection = (SELECT pipeline_version FROM projection)
ORDER BY pair.score DESC, one.posted_at DESC, grouped.group_id
LIMIT %(limit)s;
