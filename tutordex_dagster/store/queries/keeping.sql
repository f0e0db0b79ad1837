-- name: find_unsaid
-- Messages of which the version has said less than is shown, and the raw id from which on it would have said enough.
-- 0: it has said nothing, and the live projection has rows or a standing status post. Else it has read an older text
-- than the live version, or whoever gave that its rows. Reads both projections whole: as long as nobody projects, the
-- answer holds, whatever is stored or finished meanwhile.
CREATE TEMPORARY TABLE unsaid ON COMMIT DROP AS
SELECT channel_id, message_id, max(known) AS known
FROM (
    SELECT channel_id, message_id, 0::bigint AS known
    FROM (
        SELECT channel_id, message_id FROM projected_assignments WHERE projection = %(live)s
        UNION SELECT channel_id, message_id FROM status_posts WHERE projection = %(live)s
        EXCEPT SELECT channel_id, message_id FROM projected_assignments
            WHERE projection = %(version)s AND pipeline_version = projection
        EXCEPT SELECT channel_id, message_id FROM status_posts
            WHERE projection = %(version)s AND pipeline_version = projection
    ) AS unread
    UNION ALL
    SELECT edit.channel_id, edit.message_id, edit.raw_id
    FROM telegram_messages_raw AS edit
    WHERE edit.revision > 1 AND edit.kind <> 'tombstone'
    AND NOT EXISTS (
        SELECT FROM said_ends AS own WHERE own.raw_id = edit.raw_id AND own.pipeline_version = %(version)s
        OFFSET 0 -- edit by edit through the index, here and below
    )
    AND EXISTS (
        SELECT FROM telegram_messages_raw AS raw
        JOIN said_ends AS own ON own.raw_id = raw.raw_id AND own.pipeline_version = %(version)s
        WHERE raw.channel_id = edit.channel_id AND raw.message_id = edit.message_id
        AND raw.revision < edit.revision
        OFFSET 0
    )
    AND (
        EXISTS (
            SELECT FROM said_ends AS said WHERE said.raw_id = edit.raw_id AND said.pipeline_version = %(live)s
            OFFSET 0
        )
        OR EXISTS (
            SELECT FROM projected_assignments AS shown
            LEFT JOIN said_ends AS said
                ON said.raw_id = edit.raw_id AND said.pipeline_version = shown.pipeline_version
            WHERE shown.channel_id = edit.channel_id AND shown.message_id = edit.message_id
            AND shown.projection = %(live)s AND edit.raw_id IN (shown.raw_id, said.raw_id)
            OFFSET 0
        )
        OR EXISTS (
            SELECT FROM status_posts AS post
            JOIN said_ends AS said ON said.raw_id = edit.raw_id AND said.pipeline_version = post.pipeline_version
            WHERE post.channel_id = edit.channel_id AND post.message_id = edit.message_id
            AND post.projection = %(live)s
            OFFSET 0
        )
    )
) AS less
GROUP BY channel_id, message_id;

-- name: find_carried
-- Messages whose rows or status post in the version's projection another one has given, at an earlier promotion.
CREATE TEMPORARY TABLE carried ON COMMIT DROP AS
SELECT channel_id, message_id FROM projected_assignments
WHERE projection = %(version)s AND pipeline_version <> %(version)s
UNION SELECT channel_id, message_id FROM status_posts
WHERE projection = %(version)s AND pipeline_version <> %(version)s;

-- name: count_found
ANALYZE unsaid, carried;

-- name: drop_said
-- Leaves the messages of which the version has not said enough, because it is not there yet, gave up, or came after
-- their deletion.
DELETE FROM unsaid WHERE EXISTS (
    SELECT FROM projected_assignments AS shown
    WHERE shown.channel_id = unsaid.channel_id AND shown.message_id = unsaid.message_id
    AND shown.projection = %(version)s AND shown.pipeline_version = %(version)s AND shown.raw_id >= unsaid.known
    OFFSET 0 -- message by message through the index, here and below
) OR EXISTS (
    SELECT FROM status_posts AS post
    WHERE post.channel_id = unsaid.channel_id AND post.message_id = unsaid.message_id
    AND post.projection = %(version)s AND post.pipeline_version = %(version)s AND unsaid.known = 0
    OFFSET 0
) OR EXISTS (
    SELECT FROM telegram_messages_raw AS raw
    JOIN said_ends AS own ON own.raw_id = raw.raw_id AND own.pipeline_version = %(version)s
    WHERE raw.channel_id = unsaid.channel_id AND raw.message_id = unsaid.message_id AND raw.raw_id >= unsaid.known
    OFFSET 0
);

-- name: count_unsaid
SELECT count(*) FROM projected_assignments JOIN unsaid USING (channel_id, message_id) WHERE projection = %(live)s;

-- name: drop_carried_rows
DELETE FROM projected_assignments AS shown USING carried
WHERE shown.projection = %(version)s AND shown.pipeline_version <> %(version)s
AND shown.channel_id = carried.channel_id AND shown.message_id = carried.message_id
RETURNING shown.channel_id, shown.code_key, shown.message_id;

-- name: drop_carried_posts
DELETE FROM status_posts WHERE projection = %(version)s AND pipeline_version <> %(version)s
RETURNING channel_id, codes, points;

-- name: take_back
-- Where the version's own rows had made way for what is dropped now, and is not kept anew: they are projected again.
INSERT INTO unprojected (pipeline_version, channel_id, raw_id)
SELECT %(version)s, free.channel_id, own.raw_id
FROM (SELECT * FROM carried EXCEPT SELECT channel_id, message_id FROM unsaid) AS free
CROSS JOIN LATERAL (
    SELECT raw.raw_id FROM telegram_messages_raw AS raw
    JOIN said_ends AS said ON said.raw_id = raw.raw_id AND said.pipeline_version = %(version)s
    WHERE raw.channel_id = free.channel_id AND raw.message_id = free.message_id
    ORDER BY raw.revision DESC LIMIT 1
) AS own
ON CONFLICT DO NOTHING;

-- name: drop_older_rows
-- What the version reads in a text that a newer one has replaced makes way for what is kept.
WITH dropped AS (
    DELETE FROM projected_assignments AS shown USING unsaid
    WHERE unsaid.known > 0 AND shown.projection = %(version)s
    AND shown.channel_id = unsaid.channel_id AND shown.message_id = unsaid.message_id
    RETURNING shown.channel_id, shown.code_key, shown.message_id, shown.posted_at
),
noted AS ( -- for the search for duplicates, also where nothing comes instead
    INSERT INTO unmatched (projection, channel_id, message_id)
    SELECT DISTINCT %(version)s, channel_id, message_id FROM dropped
    WHERE posted_at > %(at)s::timestamptz - interval '60 days'
    ON CONFLICT DO NOTHING
)
SELECT channel_id, code_key, message_id FROM dropped;

-- name: drop_older_posts
DELETE FROM status_posts AS post USING unsaid
WHERE unsaid.known > 0 AND post.projection = %(version)s
AND post.channel_id = unsaid.channel_id AND post.message_id = unsaid.message_id
RETURNING post.channel_id, post.codes, post.points;

-- name: carry_rows
INSERT INTO projected_assignments (
    projection, channel_id, message_id, segment, raw_id, pipeline_version, assignment_code,
    academic_display_text, learning_mode, address, postal_code, nearest_mrt, districts, region, lesson_schedule,
    start_date, rate_min, rate_max, rate_text, rate_breakdown, additional_remarks, time_availability, subjects,
    levels, streams, tutor_types, evidence, kind, posted_at, own_closing, updated_at
)
SELECT
    %(version)s, channel_id, message_id, segment, raw_id, pipeline_version, assignment_code,
    academic_display_text, learning_mode, address, postal_code, nearest_mrt, districts, region, lesson_schedule,
    start_date, rate_min, rate_max, rate_text, rate_breakdown, additional_remarks, time_availability, subjects,
    levels, streams, tutor_types, evidence, kind, posted_at, own_closing, %(at)s
FROM projected_assignments JOIN unsaid USING (channel_id, message_id)
WHERE projection = %(live)s
RETURNING channel_id, code_key, message_id;

-- name: note_carried
INSERT INTO unmatched (projection, channel_id, message_id)
SELECT DISTINCT %(version)s, channel_id, message_id
FROM projected_assignments JOIN unsaid USING (channel_id, message_id)
WHERE projection = %(version)s AND posted_at > %(at)s::timestamptz - interval '60 days'
ON CONFLICT DO NOTHING;

-- name: carry_posts
INSERT INTO status_posts (projection, channel_id, message_id, pipeline_version, posted_at, points, codes)
SELECT %(version)s, channel_id, message_id, pipeline_version, posted_at, points, codes
FROM status_posts JOIN unsaid USING (channel_id, message_id)
WHERE projection = %(live)s
RETURNING channel_id, codes, points;

-- name: enqueue_unread
-- What was stored since the version's work was counted, and older edits it has not read, are enqueued for it where
-- they are not yet; the edits after new posts.
SELECT enqueue_telegram_extractions(
    ARRAY(SELECT raw_id FROM telegram_messages_raw WHERE raw_id > %(after)s), %(version)s, 0::smallint, false, %(at)s
) + enqueue_telegram_extractions(
    ARRAY(
        SELECT raw_id FROM unsaid JOIN telegram_messages_raw AS raw USING (channel_id, message_id)
        WHERE known > 0 AND raw_id BETWEEN known AND %(after)s
    ),
    %(version)s, 1::smallint, false, %(at)s
);
