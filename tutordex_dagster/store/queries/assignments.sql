-- name: projected_version
SELECT pipeline_version FROM projection FOR UPDATE;

-- name: show_version
UPDATE projection SET pipeline_version = %(version)s;

-- name: unprojected
-- Row locks keep the ends as they are until they are projected.
SELECT raw_id, channel_id FROM telegram_extractions
WHERE pipeline_version = %(version)s AND status IN ('ok', 'skipped') AND projected_at IS NULL
ORDER BY raw_id LIMIT %(limit)s
FOR UPDATE;

-- name: finished_after
SELECT raw_id, channel_id FROM telegram_extractions
WHERE pipeline_version = %(version)s AND status IN ('ok', 'skipped') AND raw_id > %(after)s
ORDER BY raw_id LIMIT %(limit)s
FOR UPDATE;

-- name: remaining
SELECT count(*) FROM telegram_extractions
WHERE pipeline_version = %(version)s AND status IN ('ok', 'skipped') AND projected_at IS NULL;

-- name: lock_channels
SELECT lock_channel(channel_id) FROM unnest(%(channel_ids)s::bigint[]) AS channel (channel_id);

-- name: lock_all_channels
SELECT lock_channel(channel_id) FROM (SELECT channel_id FROM channels ORDER BY channel_id) AS channel;

-- name: clear
DELETE FROM assignments;

-- name: project
-- Ends of revisions that are no longer the message's latest are only marked: a later one speaks for them, or
-- the deletion has closed the message already.
WITH latest AS MATERIALIZED (
    SELECT
        message.channel_id, message.message_id, message.raw_id, message.posted_at,
        job.status, job.reason, job.result -> 'segments' AS segments
    FROM telegram_extractions AS job
    JOIN live_messages AS message USING (raw_id)
    WHERE job.raw_id = ANY (%(raw_ids)s) AND job.pipeline_version = %(version)s
    AND job.status IN ('ok', 'skipped')
),
upserted AS (
    INSERT INTO assignments AS shown (
        channel_id, message_id, segment, raw_id, pipeline_version, assignment_code, academic_display_text,
        learning_mode, address, postal_code, nearest_mrt, lesson_schedule, start_date, rate_min, rate_max,
        rate_text, additional_remarks, time_availability, subjects, levels, streams, tutor_types, status,
        closed_reason, kind, posted_at, updated_at
    )
    SELECT
        latest.channel_id, latest.message_id, element.place - 1, latest.raw_id, %(version)s,
        seg.assignment_code, seg.academic_display_text, seg.learning_mode ->> 'mode', seg.address,
        seg.postal_code, seg.nearest_mrt, seg.lesson_schedule, seg.start_date,
        (seg.rate ->> 'min')::numeric, (seg.rate ->> 'max')::numeric, seg.rate ->> 'raw_text',
        seg.additional_remarks, coalesce(seg.time_availability, '{}'), coalesce(seg.subjects, '{}'),
        coalesce(seg.levels, '{}'), coalesce(seg.streams, '{}'), coalesce(seg.tutor_types, '{}'),
        coalesce(seg.status, 'open'), CASE seg.status WHEN 'closed' THEN 'stated' END,
        coalesce(seg.kind, 'assignment'), latest.posted_at, %(at)s
    FROM latest
    CROSS JOIN LATERAL jsonb_array_elements(latest.segments) WITH ORDINALITY AS element (value, place)
    CROSS JOIN LATERAL jsonb_to_record(element.value) AS seg (
        assignment_code text, academic_display_text text, learning_mode jsonb, address text[],
        postal_code text[], nearest_mrt text[], lesson_schedule text[], start_date text, rate jsonb,
        additional_remarks text, time_availability jsonb, subjects text[], levels text[], streams text[],
        tutor_types text[], status assignment_status, kind text
    )
    WHERE latest.status = 'ok'
    ON CONFLICT (channel_id, message_id, segment) DO UPDATE SET
        raw_id = excluded.raw_id,
        pipeline_version = excluded.pipeline_version,
        assignment_code = excluded.assignment_code,
        academic_display_text = excluded.academic_display_text,
        learning_mode = excluded.learning_mode,
        address = excluded.address,
        postal_code = excluded.postal_code,
        nearest_mrt = excluded.nearest_mrt,
        lesson_schedule = excluded.lesson_schedule,
        start_date = excluded.start_date,
        rate_min = excluded.rate_min,
        rate_max = excluded.rate_max,
        rate_text = excluded.rate_text,
        additional_remarks = excluded.additional_remarks,
        time_availability = excluded.time_availability,
        subjects = excluded.subjects,
        levels = excluded.levels,
        streams = excluded.streams,
        tutor_types = excluded.tutor_types,
        status = excluded.status,
        closed_reason = excluded.closed_reason,
        kind = excluded.kind,
        updated_at = excluded.updated_at
    RETURNING 1
),
removed AS (
    DELETE FROM assignments AS shown USING latest
    WHERE shown.channel_id = latest.channel_id AND shown.message_id = latest.message_id
    AND latest.status = 'ok' AND shown.segment >= jsonb_array_length(latest.segments)
    RETURNING 1
),
closed AS (
    UPDATE assignments AS shown SET
        status = 'closed',
        closed_reason = CASE latest.reason WHEN 'status' THEN 'taken' ELSE 'not_an_assignment' END,
        updated_at = %(at)s
    FROM latest
    WHERE shown.channel_id = latest.channel_id AND shown.message_id = latest.message_id
    AND latest.status = 'skipped' AND shown.status = 'open'
    RETURNING 1
),
marked AS (
    UPDATE telegram_extractions SET projected_at = %(at)s
    WHERE raw_id = ANY (%(raw_ids)s) AND pipeline_version = %(version)s AND status IN ('ok', 'skipped')
)
SELECT
    (SELECT count(*) FROM upserted) AS upserted,
    (SELECT count(*) FROM closed) AS closed,
    (SELECT count(*) FROM removed) AS removed;

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
