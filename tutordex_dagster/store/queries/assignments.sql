-- name: share_projection
-- Until the transaction ends nobody promotes; others may project beside, in other channels. A page stays in memory;
-- compiling its plan would take longer than the page, and remembering what each message gave is of no use: none
-- comes twice.
SELECT
    pg_advisory_xact_lock_shared(3, 0),
    set_config('jit', 'off', true), set_config('enable_memoize', 'off', true), set_config('work_mem', '64MB', true);

-- name: lock_projection
-- Until the transaction ends nobody else projects or promotes. Who waits here is let in before who comes later.
SELECT pg_advisory_xact_lock(3, 0);

-- name: locked_version
SELECT pipeline_version FROM projection FOR UPDATE;

-- name: live_version
SELECT pipeline_version FROM projection;

-- name: begin_with
UPDATE projection SET pipeline_version = coalesce(pipeline_version, %(version)s) RETURNING pipeline_version;

-- name: take_unprojected
DELETE FROM unprojected
WHERE pipeline_version = %(version)s AND raw_id <= (
    SELECT max(raw_id) FROM (
        SELECT raw_id FROM unprojected WHERE pipeline_version = %(version)s ORDER BY raw_id LIMIT %(limit)s
    ) AS page
)
RETURNING raw_id;

-- name: take_unprojected_of
-- In the order of the log, where neighbours lie together: channel by channel, each would read all of it.
DELETE FROM unprojected
WHERE pipeline_version = %(version)s AND raw_id > %(after)s AND channel_id = ANY (%(channel_ids)s) AND raw_id <= (
    SELECT max(raw_id) FROM (
        SELECT raw_id FROM unprojected
        WHERE pipeline_version = %(version)s AND raw_id > %(after)s AND channel_id = ANY (%(channel_ids)s)
        ORDER BY raw_id LIMIT %(limit)s
    ) AS page
)
RETURNING raw_id;

-- name: waiting
SELECT EXISTS (SELECT FROM unprojected WHERE pipeline_version = %(version)s);

-- name: lock_channel
SELECT lock_channel(%(channel_id)s);

-- name: lock_channels
-- Of these messages: nobody stores anything there until the transaction ends.
SELECT lock_channel(channel_id) FROM (
    SELECT DISTINCT channel_id FROM telegram_messages_raw WHERE raw_id = ANY (%(raw_ids)s) ORDER BY channel_id
) AS channel;

-- name: lock_all_channels
SELECT lock_channel(channel_id) FROM (SELECT channel_id FROM channels ORDER BY channel_id) AS channel;

-- name: project
-- What a message shows depends on the log and the ends of this version alone, in whatever order they come: the
-- newest revision in which assignments were found gives the rows, the newest one with any end (or a tombstone)
-- says whether they still stand. Returns per channel what was written, and the codes and messages whose closing
-- by status posts has to be looked at again.
WITH touched AS MATERIALIZED (
    SELECT DISTINCT channel_id, message_id FROM telegram_messages_raw WHERE raw_id = ANY (%(raw_ids)s)
),
known AS MATERIALIZED (
    SELECT
        raw.channel_id, raw.message_id, raw.revision, raw.raw_id, raw.kind, raw.posted_at, raw.reply_to,
        job.status, job.reason, job.result -> 'segments' AS segments, job.meta -> 'closes' AS closes
    FROM touched
    CROSS JOIN LATERAL (
        SELECT * FROM telegram_messages_raw AS each
        WHERE each.channel_id = touched.channel_id AND each.message_id = touched.message_id
        OFFSET 0 -- message by message through the index, here and below: joined as one, it reads the whole log
    ) AS raw
    LEFT JOIN LATERAL (
        SELECT * FROM telegram_extractions AS each
        WHERE each.raw_id = raw.raw_id AND each.pipeline_version = %(version)s
        AND each.status IN ('ok', 'skipped') AND coalesce(each.reason NOT IN ('superseded', 'deleted'), true)
        OFFSET 0
    ) AS job ON true
    WHERE raw.kind = 'tombstone' OR job.raw_id IS NOT NULL
),
told AS MATERIALIZED (
    SELECT DISTINCT ON (channel_id, message_id)
        channel_id, message_id, raw_id, posted_at, reply_to, closes,
        CASE
            WHEN kind = 'tombstone' THEN 'deleted'
            WHEN status = 'skipped' AND reason = 'status' THEN 'taken'
            WHEN status = 'skipped' THEN 'not_an_assignment'
        END AS closing
    FROM known ORDER BY channel_id, message_id, revision DESC
),
content AS MATERIALIZED (
    SELECT DISTINCT ON (channel_id, message_id) channel_id, message_id, raw_id, posted_at, segments
    FROM known
    WHERE status = 'ok' ORDER BY channel_id, message_id, revision DESC
),
before AS MATERIALIZED (
    SELECT channel_id, message_id, segment, code_key, status
    FROM touched
    CROSS JOIN LATERAL (
        SELECT segment, code_key, status FROM projected_assignments AS each
        WHERE each.channel_id = touched.channel_id AND each.message_id = touched.message_id
        AND each.projection = %(version)s
        OFFSET 0
    ) AS shown
),
upserted AS (
    INSERT INTO projected_assignments AS shown (
        projection, channel_id, message_id, segment, raw_id, pipeline_version, assignment_code,
        academic_display_text, learning_mode, address, postal_code, nearest_mrt, districts, region,
        lesson_schedule, start_date, rate_min, rate_max, rate_text, rate_breakdown, additional_remarks,
        time_availability, subjects, levels, streams, tutor_types, evidence, kind, posted_at, own_closing,
        updated_at
    )
    SELECT
        %(version)s, content.channel_id, content.message_id, element.place - 1, content.raw_id, %(version)s,
        seg.assignment_code, seg.academic_display_text, seg.learning_mode ->> 'mode', seg.address,
        seg.postal_code, seg.nearest_mrt, coalesce(seg.districts, '{}'), seg.region, seg.lesson_schedule,
        seg.start_date, (seg.rate ->> 'min')::numeric, (seg.rate ->> 'max')::numeric, seg.rate ->> 'raw_text',
        coalesce(seg.rate_breakdown, '[]'), seg.additional_remarks, coalesce(seg.time_availability, '{}'),
        coalesce(seg.subjects, '{}'), coalesce(seg.levels, '{}'), coalesce(seg.streams, '{}'),
        coalesce(seg.tutor_types, '{}'), coalesce(seg.evidence, '{}'), coalesce(seg.kind, 'assignment'),
        content.posted_at, coalesce(told.closing, CASE seg.status WHEN 'closed' THEN 'stated' END), %(at)s
    FROM content
    JOIN told USING (channel_id, message_id)
    CROSS JOIN LATERAL jsonb_array_elements(content.segments) WITH ORDINALITY AS element (value, place)
    CROSS JOIN LATERAL jsonb_to_record(element.value) AS seg (
        assignment_code text, academic_display_text text, learning_mode jsonb, address text[],
        postal_code text[], nearest_mrt text[], districts integer[], region text, lesson_schedule text[],
        start_date text, rate jsonb, rate_breakdown jsonb, additional_remarks text, time_availability jsonb,
        subjects text[], levels text[], streams text[], tutor_types text[], evidence jsonb, status text, kind text
    )
    ON CONFLICT (channel_id, message_id, segment, projection) DO UPDATE SET
        raw_id = excluded.raw_id,
        pipeline_version = excluded.pipeline_version,
        assignment_code = excluded.assignment_code,
        academic_display_text = excluded.academic_display_text,
        learning_mode = excluded.learning_mode,
        address = excluded.address,
        postal_code = excluded.postal_code,
        nearest_mrt = excluded.nearest_mrt,
        districts = excluded.districts,
        region = excluded.region,
        lesson_schedule = excluded.lesson_schedule,
        start_date = excluded.start_date,
        rate_min = excluded.rate_min,
        rate_max = excluded.rate_max,
        rate_text = excluded.rate_text,
        rate_breakdown = excluded.rate_breakdown,
        additional_remarks = excluded.additional_remarks,
        time_availability = excluded.time_availability,
        subjects = excluded.subjects,
        levels = excluded.levels,
        streams = excluded.streams,
        tutor_types = excluded.tutor_types,
        evidence = excluded.evidence,
        kind = excluded.kind,
        own_closing = excluded.own_closing,
        updated_at = excluded.updated_at
    RETURNING channel_id, message_id, segment, code_key, own_closing
),
removed AS (
    DELETE FROM projected_assignments AS shown
    USING before
    JOIN content USING (channel_id, message_id)
    WHERE shown.projection = %(version)s AND shown.channel_id = before.channel_id
    AND shown.message_id = before.message_id AND shown.segment = before.segment
    AND before.segment >= jsonb_array_length(content.segments)
    RETURNING shown.channel_id
),
closed AS ( -- of messages whose rows another version, or an end that was reset since, has given
    UPDATE projected_assignments AS shown SET own_closing = told.closing, updated_at = %(at)s
    FROM before JOIN told USING (channel_id, message_id)
    WHERE shown.projection = %(version)s AND shown.channel_id = before.channel_id
    AND shown.message_id = before.message_id AND shown.segment = before.segment
    AND told.closing IS NOT NULL AND shown.own_closing IS DISTINCT FROM told.closing
    AND NOT EXISTS (
        SELECT FROM content WHERE content.channel_id = told.channel_id AND content.message_id = told.message_id
    )
    RETURNING shown.channel_id, shown.message_id, shown.segment, shown.code_key, shown.own_closing
),
standing AS MATERIALIZED (
    SELECT
        told.channel_id, told.message_id, told.posted_at,
        ARRAY(
            SELECT told.reply_to WHERE told.reply_to IS NOT NULL
            UNION
            SELECT linked_message(link, told.channel_id, channel.reference)
            FROM jsonb_array_elements_text(told.closes -> 'links') AS link
            WHERE linked_message(link, told.channel_id, channel.reference) IS NOT NULL
        ) AS points,
        ARRAY(
            SELECT DISTINCT code_key(code) FROM jsonb_array_elements_text(told.closes -> 'codes') AS code
            WHERE code_key(code) IS NOT NULL
        ) AS codes
    FROM told
    JOIN channels AS channel USING (channel_id)
    WHERE told.closing = 'taken'
),
fallen AS (
    DELETE FROM status_posts AS post USING touched
    WHERE post.projection = %(version)s
    AND post.channel_id = touched.channel_id AND post.message_id = touched.message_id
    AND NOT EXISTS (
        SELECT FROM standing
        WHERE standing.channel_id = post.channel_id AND standing.message_id = post.message_id
    )
),
stands AS (
    INSERT INTO status_posts AS post
        (projection, channel_id, message_id, pipeline_version, posted_at, points, codes)
    SELECT %(version)s, channel_id, message_id, %(version)s, posted_at, points, codes FROM standing
    ON CONFLICT (channel_id, message_id, projection) DO UPDATE SET
        pipeline_version = excluded.pipeline_version, points = excluded.points, codes = excluded.codes
),
noted AS ( -- for the search for duplicates, which looks at recent posts only
    INSERT INTO unmatched (projection, channel_id, message_id)
    SELECT %(version)s, channel_id, message_id FROM told
    WHERE posted_at > %(at)s::timestamptz - interval '60 days'
    ON CONFLICT DO NOTHING
),
said AS MATERIALIZED (
    SELECT channel_id, points, codes FROM standing
    UNION ALL
    SELECT channel_id, post.points, post.codes
    FROM touched JOIN status_posts AS post USING (channel_id, message_id) WHERE post.projection = %(version)s
),
again AS (
    SELECT channel_id, message_id, NULL AS code FROM touched
    UNION ALL SELECT channel_id, unnest(points), NULL FROM said
    UNION ALL SELECT channel_id, NULL, unnest(codes) FROM said
    UNION ALL SELECT channel_id, NULL, code_key FROM before
    UNION ALL SELECT channel_id, NULL, code_key FROM upserted
),
counted AS (
    SELECT channel_id, (now.own_closing IS NULL OR told.closing IS NULL)::integer AS upserted,
        (before.status = 'open' AND now.own_closing IS NOT NULL)::integer AS closed, 0 AS removed
    FROM upserted AS now
    JOIN told USING (channel_id, message_id)
    LEFT JOIN before USING (channel_id, message_id, segment)
    UNION ALL
    SELECT channel_id, 0, (before.status = 'open')::integer, 0
    FROM closed JOIN before USING (channel_id, message_id, segment)
    UNION ALL
    SELECT channel_id, 0, 0, 1 FROM removed
)
SELECT
    channel_id, keys.codes, keys.message_ids,
    coalesce(counts.upserted, 0), coalesce(counts.closed, 0), coalesce(counts.removed, 0)
FROM (
    SELECT
        channel_id,
        coalesce(array_agg(DISTINCT code) FILTER (WHERE code IS NOT NULL), '{}') AS codes,
        coalesce(array_agg(DISTINCT message_id) FILTER (WHERE message_id IS NOT NULL), '{}') AS message_ids
    FROM again GROUP BY channel_id
) AS keys
LEFT JOIN (
    SELECT channel_id, sum(upserted) AS upserted, sum(closed) AS closed, sum(removed) AS removed
    FROM counted GROUP BY channel_id
) AS counts USING (channel_id);

-- name: totals
SELECT
    count(*) FILTER (WHERE status = 'open') AS open,
    count(*) FILTER (WHERE status = 'closed') AS closed,
    max(posted_at) AS newest
FROM assignments;

-- name: open_by_channel
SELECT channel.reference, count(*)
FROM assignments AS assignment JOIN channels AS channel USING (channel_id)
WHERE assignment.status = 'open'
GROUP BY channel.reference ORDER BY channel.reference;

-- name: open_by_level
SELECT level, count(*)
FROM assignments CROSS JOIN LATERAL unnest(levels) AS level
WHERE status = 'open'
GROUP BY level ORDER BY count(*) DESC, level;

-- name: sample
SELECT
    channel.reference, assignment.message_id, assignment.segment, assignment.assignment_code,
    assignment.academic_display_text, assignment.subjects, assignment.levels, assignment.rate_min,
    assignment.rate_max, assignment.postal_code, assignment.status::text, assignment.posted_at
FROM assignments AS assignment JOIN channels AS channel USING (channel_id)
ORDER BY assignment.posted_at DESC, assignment.message_id DESC, assignment.segment
LIMIT %(limit)s;

-- name: duplicates
SELECT
    channel.reference, assignment.assignment_code, count(*) AS times,
    array_agg(assignment.message_id ORDER BY assignment.message_id) AS message_ids
FROM assignments AS assignment JOIN channels AS channel USING (channel_id)
WHERE assignment.status = 'open' AND assignment.assignment_code IS NOT NULL
GROUP BY channel.reference, assignment.assignment_code
HAVING count(*) > 1
ORDER BY count(*) DESC, channel.reference, assignment.assignment_code;

-- name: failure_share
SELECT coalesce(avg((status IN ('failed', 'dead'))::integer), 0)::float8
FROM telegram_extractions
WHERE pipeline_version = %(version)s AND posted_at >= %(since)s
AND status IN ('ok', 'skipped', 'failed', 'dead');
