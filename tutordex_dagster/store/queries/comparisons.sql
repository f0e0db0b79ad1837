-- name: add_experiment
INSERT INTO experiments (name, since, until, channels, sample, frozen_at)
VALUES (%(name)s, %(since)s, %(until)s, %(channels)s, %(sample)s, %(at)s)
ON CONFLICT (name) DO NOTHING;

-- name: add_members
-- The sample is drawn by hashing, so it is the same whatever the order of the rows, and another one under
-- another name.
INSERT INTO experiment_members (experiment, raw_id)
SELECT %(name)s, message.raw_id
FROM live_messages AS message
WHERE message.channel_id = ANY (%(channel_ids)s) AND message.kind = 'post'
AND message.posted_at >= %(since)s AND message.posted_at < %(until)s
ORDER BY md5(%(name)s || ' ' || message.raw_id)
LIMIT %(sample)s;

-- name: experiment
SELECT since, until, channels, sample, frozen_at,
    (SELECT count(*) FROM experiment_members WHERE experiment = %(name)s) AS members
FROM experiments WHERE name = %(name)s;

-- name: member_page
SELECT raw_id FROM experiment_members
WHERE experiment = %(experiment)s AND raw_id > %(after)s
ORDER BY raw_id LIMIT %(limit)s;

-- name: due_of
SELECT job.raw_id
FROM unnest(%(raw_ids)s::bigint[]) AS member (raw_id)
JOIN telegram_extractions AS job ON job.raw_id = member.raw_id AND job.pipeline_version = %(version)s
WHERE CASE WHEN job.status = 'processing' THEN job.lease_expires_at <= %(at)s
    ELSE job.status IN ('pending', 'failed') AND job.not_before <= %(at)s END
ORDER BY job.raw_id;

-- name: standing
SELECT %(version)s AS version,
    count(*) AS posts,
    count(*) FILTER (WHERE job.status IN ('ok', 'skipped', 'dead')) AS ended,
    count(*) FILTER (WHERE job.status = 'processing') AS held,
    count(*) FILTER (WHERE job.status = 'failed') AS failed,
    count(*) FILTER (WHERE job.status = 'pending') AS pending,
    coalesce(sum(job.attempt), 0) AS attempts,
    least(
        min(job.not_before) FILTER (WHERE job.status IN ('pending', 'failed')),
        min(job.lease_expires_at)
    ) AS next_due_at
FROM experiment_members AS member
LEFT JOIN telegram_extractions AS job ON job.raw_id = member.raw_id AND job.pipeline_version = %(version)s
WHERE member.experiment = %(experiment)s;

-- name: version_page
-- The revisions either version has a job for, along the primary key.
SELECT DISTINCT job.raw_id
FROM telegram_extractions AS job
WHERE job.raw_id > %(after)s AND job.pipeline_version IN (%(a)s, %(b)s)
AND job.posted_at >= %(since)s AND job.posted_at < %(until)s
AND (%(channel_ids)s::bigint[] IS NULL OR job.channel_id = ANY (%(channel_ids)s))
ORDER BY job.raw_id LIMIT %(limit)s;

-- name: pairs
-- A job that ended because its post was edited or deleted says nothing about the version.
SELECT raw.raw_id, channel.reference, raw.message_id, raw.posted_at,
    a.status, a.result::text, a.reason, a.error_class, a.meta::text,
    b.status, b.result::text, b.reason, b.error_class, b.meta::text,
    (
        SELECT jsonb_object_agg(field, jsonb_build_array(correct, source))::text
        FROM gold_labels AS label WHERE label.raw_id = raw.raw_id
    )
FROM unnest(%(raw_ids)s::bigint[]) AS wanted (raw_id)
JOIN telegram_messages_raw AS raw USING (raw_id)
JOIN channels AS channel USING (channel_id)
LEFT JOIN telegram_extractions AS a ON a.raw_id = raw.raw_id AND a.pipeline_version = %(a)s
    AND coalesce(a.reason NOT IN ('superseded', 'deleted'), true)
LEFT JOIN telegram_extractions AS b ON b.raw_id = raw.raw_id AND b.pipeline_version = %(b)s
    AND coalesce(b.reason NOT IN ('superseded', 'deleted'), true)
ORDER BY raw.raw_id;

-- name: texts
SELECT raw_id, text FROM telegram_messages_raw WHERE raw_id = ANY (%(raw_ids)s);

-- name: label
-- A label of a post that was chosen independently is worth more than an adjudicated one, and stays.
INSERT INTO gold_labels AS label (raw_id, field, correct, source, labelled_by, labelled_at)
SELECT given.raw_id, given.field, given.correct, given.source, %(by)s, %(at)s
FROM jsonb_to_recordset(%(labels)s::jsonb) AS given (raw_id bigint, field text, correct jsonb, source label_source)
ON CONFLICT (raw_id, field) DO UPDATE SET
    correct = excluded.correct, source = excluded.source,
    labelled_by = excluded.labelled_by, labelled_at = excluded.labelled_at
WHERE label.source = 'adjudicated' OR excluded.source = 'labelled';

-- name: unknown_raw_ids
SELECT given.raw_id
FROM unnest(%(raw_ids)s::bigint[]) AS given (raw_id)
WHERE NOT EXISTS (SELECT FROM telegram_messages_raw AS raw WHERE raw.raw_id = given.raw_id)
ORDER BY given.raw_id LIMIT 1;
