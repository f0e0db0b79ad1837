-- name: reconcile
SELECT
    channel.reference,
    count(*) AS messages,
    count(*) FILTER (WHERE job.status = 'ok') AS ok,
    count(*) FILTER (WHERE job.status = 'skipped') AS skipped,
    count(*) FILTER (WHERE job.status = 'failed') AS failed,
    count(*) FILTER (WHERE job.status = 'dead') AS dead,
    count(*) FILTER (WHERE job.status IN ('pending', 'processing')) AS waiting,
    count(*) FILTER (WHERE job.status IS NULL) AS missing
FROM live_messages AS message
JOIN channels AS channel USING (channel_id)
LEFT JOIN telegram_extractions AS job
    ON job.raw_id = message.raw_id AND job.pipeline_version = %(version)s
WHERE message.posted_at >= %(since)s AND message.raw_id <= %(up_to)s
GROUP BY channel.reference ORDER BY channel.reference;

-- name: channel_ids
SELECT channel_id FROM channels ORDER BY channel_id;

-- name: count_built
-- So many new rows: without this, the plan to settle a channel would take them for a handful, and read them all for
-- every status post.
ANALYZE projected_assignments, status_posts;

-- name: horizon
SELECT coalesce(
    (SELECT raw_id FROM telegram_messages_raw WHERE stored_at < %(stored_before)s ORDER BY raw_id DESC LIMIT 1), 0
);

-- name: differences
WITH compared AS (
    SELECT
        was.message_id IS NOT NULL AS was_there, now.message_id IS NOT NULL AS is_there,
        was.assignment_code IS DISTINCT FROM now.assignment_code AS assignment_code,
        was.academic_display_text IS DISTINCT FROM now.academic_display_text AS academic_display_text,
        was.learning_mode IS DISTINCT FROM now.learning_mode AS learning_mode,
        was.address IS DISTINCT FROM now.address AS address,
        was.postal_code IS DISTINCT FROM now.postal_code AS postal_code,
        was.nearest_mrt IS DISTINCT FROM now.nearest_mrt AS nearest_mrt,
        was.districts IS DISTINCT FROM now.districts AS districts,
        was.region IS DISTINCT FROM now.region AS region,
        was.lesson_schedule IS DISTINCT FROM now.lesson_schedule AS lesson_schedule,
        was.start_date IS DISTINCT FROM now.start_date AS start_date,
        (was.rate_min, was.rate_max, was.rate_text) IS DISTINCT FROM (now.rate_min, now.rate_max, now.rate_text)
            AS rate,
        was.rate_breakdown IS DISTINCT FROM now.rate_breakdown AS rate_breakdown,
        was.additional_remarks IS DISTINCT FROM now.additional_remarks AS additional_remarks,
        was.time_availability IS DISTINCT FROM now.time_availability AS time_availability,
        was.subjects IS DISTINCT FROM now.subjects AS subjects,
        was.levels IS DISTINCT FROM now.levels AS levels,
        was.streams IS DISTINCT FROM now.streams AS streams,
        was.tutor_types IS DISTINCT FROM now.tutor_types AS tutor_types,
        (was.status, was.own_closing, was.closed_by) IS DISTINCT FROM (now.status, now.own_closing, now.closed_by)
            AS status
    FROM (SELECT * FROM projected_assignments WHERE projection = %(live)s) AS was
    FULL JOIN (
        SELECT * FROM projected_assignments AS own
        WHERE projection = %(version)s AND pipeline_version = projection AND NOT EXISTS (
            SELECT FROM unsaid WHERE unsaid.channel_id = own.channel_id AND unsaid.message_id = own.message_id
        )
    ) AS now USING (channel_id, message_id, segment)
)
SELECT
    count(*) FILTER (WHERE NOT was_there) AS added,
    count(*) FILTER (WHERE NOT is_there) AS absent,
    count(*) FILTER (WHERE was_there AND is_there) AS shared,
    count(*) FILTER (
        WHERE was_there AND is_there AND (
            assignment_code OR academic_display_text OR learning_mode OR address OR postal_code OR nearest_mrt
            OR districts OR region OR lesson_schedule OR start_date OR rate OR rate_breakdown OR additional_remarks
            OR time_availability OR subjects OR levels OR streams OR tutor_types OR status
        )
    ) AS changed,
    jsonb_build_object(
        'assignment_code', count(*) FILTER (WHERE assignment_code AND was_there AND is_there),
        'academic_display_text', count(*) FILTER (WHERE academic_display_text AND was_there AND is_there),
        'learning_mode', count(*) FILTER (WHERE learning_mode AND was_there AND is_there),
        'address', count(*) FILTER (WHERE address AND was_there AND is_there),
        'postal_code', count(*) FILTER (WHERE postal_code AND was_there AND is_there),
        'nearest_mrt', count(*) FILTER (WHERE nearest_mrt AND was_there AND is_there),
        'districts', count(*) FILTER (WHERE districts AND was_there AND is_there),
        'region', count(*) FILTER (WHERE region AND was_there AND is_there),
        'lesson_schedule', count(*) FILTER (WHERE lesson_schedule AND was_there AND is_there),
        'start_date', count(*) FILTER (WHERE start_date AND was_there AND is_there),
        'rate', count(*) FILTER (WHERE rate AND was_there AND is_there),
        'rate_breakdown', count(*) FILTER (WHERE rate_breakdown AND was_there AND is_there),
        'additional_remarks', count(*) FILTER (WHERE additional_remarks AND was_there AND is_there),
        'time_availability', count(*) FILTER (WHERE time_availability AND was_there AND is_there),
        'subjects', count(*) FILTER (WHERE subjects AND was_there AND is_there),
        'levels', count(*) FILTER (WHERE levels AND was_there AND is_there),
        'streams', count(*) FILTER (WHERE streams AND was_there AND is_there),
        'tutor_types', count(*) FILTER (WHERE tutor_types AND was_there AND is_there),
        'status', count(*) FILTER (WHERE status AND was_there AND is_there)
    ) AS fields
FROM compared;

-- name: difference_samples
-- The newest rows that differ and are not kept, whole: either side is null where it has no such row.
SELECT channel.reference, message_id, segment, to_jsonb(was) AS was, to_jsonb(now) AS now
FROM (SELECT * FROM projected_assignments WHERE projection = %(live)s) AS was
FULL JOIN (
    SELECT * FROM projected_assignments WHERE projection = %(version)s AND pipeline_version = projection
) AS now USING (channel_id, message_id, segment)
JOIN channels AS channel USING (channel_id)
WHERE NOT EXISTS (
    SELECT FROM unsaid WHERE unsaid.channel_id = channel.channel_id AND unsaid.message_id = coalesce(
        now.message_id, was.message_id
    )
) AND (was.message_id IS NULL OR now.message_id IS NULL OR (
    was.assignment_code, was.academic_display_text, was.learning_mode, was.address, was.postal_code,
    was.nearest_mrt, was.districts, was.region, was.lesson_schedule, was.start_date, was.rate_min, was.rate_max,
    was.rate_text, was.rate_breakdown, was.additional_remarks, was.time_availability, was.subjects, was.levels,
    was.streams, was.tutor_types, was.status, was.own_closing, was.closed_by
) IS DISTINCT FROM (
    now.assignment_code, now.academic_display_text, now.learning_mode, now.address, now.postal_code,
    now.nearest_mrt, now.districts, now.region, now.lesson_schedule, now.start_date, now.rate_min, now.rate_max,
    now.rate_text, now.rate_breakdown, now.additional_remarks, now.time_availability, now.subjects, now.levels,
    now.streams, now.tutor_types, now.status, now.own_closing, now.closed_by
))
ORDER BY coalesce(now.posted_at, was.posted_at) DESC, message_id DESC, segment
LIMIT %(limit)s;

-- name: has_read
SELECT EXISTS (SELECT FROM said_ends WHERE pipeline_version = %(version)s);

-- name: show
UPDATE projection SET pipeline_version = %(version)s;

-- name: record
INSERT INTO promotions (at, actor, action, version, previous, fingerprint, raw_id)
SELECT %(at)s, %(actor)s, %(action)s, %(version)s, %(live)s, %(fingerprint)s, coalesce(max(raw_id), 0)
FROM telegram_messages_raw;

-- name: history
SELECT at, actor, action, version, previous, fingerprint, raw_id FROM promotions ORDER BY promotion_id DESC;

-- name: before
-- How this version became live: its latest promotion counts.
SELECT at, actor, action, version, previous, fingerprint, raw_id FROM promotions
WHERE version = %(live)s AND action = 'promote' ORDER BY promotion_id DESC LIMIT 1;
