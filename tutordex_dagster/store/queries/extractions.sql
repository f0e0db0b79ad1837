-- name: commit_lazily
SET LOCAL synchronous_commit = off;

-- name: claim
SELECT raw_id, pipeline_version, lease_token, attempt, priority, channel_id, posted_at, kind, text,
    forwarded_from, spent
FROM claim_telegram_extractions(
    %(version)s, %(limit)s, %(lease_seconds)s, %(max_attempts)s, %(raw_ids)s, %(at)s
);

-- name: finish
-- Only the claim that owns a job may end it: the token names the claim, and only a job that is being processed
-- has one. (Asking for the status too would tempt the planner away from the key, to the index of leases.)
-- Ending as `pending` gives the job back with its attempt: it was not the post's fault, or nobody began.
WITH ended AS (
UPDATE telegram_extractions AS job SET
    status = done.status,
    attempt = job.attempt - (done.status = 'pending')::integer,
    result = done.result,
    reason = done.reason,
    error_class = done.error_class,
    not_before = coalesce(done.not_before, job.not_before),
    meta = CASE WHEN done.status = 'pending' THEN job.meta || done.meta ELSE done.meta END,
    text_hash = decode(done.text_hash, 'hex'),
    lease_token = NULL,
    lease_expires_at = NULL,
    finished_at = CASE WHEN done.status NOT IN ('failed', 'pending') THEN %(at)s END
FROM json_to_recordset(%(ends)s::json) AS done (
    raw_id bigint, version text, lease uuid, status job_status, result jsonb, reason text, error_class text,
    not_before timestamptz, meta jsonb, text_hash text
)
WHERE job.raw_id = done.raw_id AND job.pipeline_version = done.version AND job.lease_token = done.lease
RETURNING job.raw_id, job.pipeline_version, job.channel_id, job.status
),
noted AS ( -- for the version's projection
    INSERT INTO unprojected (pipeline_version, channel_id, raw_id)
    SELECT pipeline_version, channel_id, raw_id FROM ended WHERE status IN ('ok', 'skipped')
    ON CONFLICT DO NOTHING
)
SELECT FROM ended;

-- name: extend
-- A lease that ran out still belongs to its claim until somebody else took the job.
UPDATE telegram_extractions AS job SET
    lease_expires_at = %(at)s::timestamptz + make_interval(secs => %(lease_seconds)s)
FROM unnest(%(raw_ids)s::bigint[], %(leases)s::uuid[]) AS held (raw_id, lease)
WHERE job.raw_id = held.raw_id AND job.pipeline_version = %(version)s AND job.lease_token = held.lease
RETURNING job.lease_token;

-- name: answers
SELECT DISTINCT ON (text_hash) text_hash, raw_id, status, result::text, reason, meta -> 'closes' AS closes
FROM telegram_extractions
WHERE pipeline_version = %(version)s AND text_hash = ANY (%(hashes)s)
AND status IN ('ok', 'skipped') AND text_hash IS NOT NULL
ORDER BY text_hash, raw_id;

-- name: enqueue
SELECT enqueue_telegram_extractions(%(raw_ids)s, %(version)s, %(priority)s, %(force)s, %(at)s);

-- name: window_raw_ids
-- In the order of the log: channel by channel, every page of it would be read and written again for each of them.
SELECT raw_id FROM telegram_messages_raw
WHERE channel_id = ANY (%(channel_ids)s) AND posted_at >= %(since)s AND posted_at < %(until)s
ORDER BY raw_id;

-- name: oldest_raw_ids
SELECT oldest.raw_id
FROM unnest(%(channel_ids)s::bigint[]) AS channel (channel_id)
CROSS JOIN LATERAL (
    SELECT message.raw_id
    FROM live_messages AS message
    WHERE message.channel_id = channel.channel_id
    AND message.posted_at >= %(since)s AND message.posted_at < %(until)s
    ORDER BY message.posted_at, message.message_id
    LIMIT %(limit)s
) AS oldest
ORDER BY oldest.raw_id;

-- name: backlog
SELECT pipeline_version AS version, status, count(*) AS jobs
FROM telegram_extractions GROUP BY pipeline_version, status ORDER BY pipeline_version, status;

-- name: due
SELECT count(*) AS jobs, count(*) FILTER (WHERE priority = 0) AS live, min(enqueued_at) AS oldest
FROM (
    SELECT priority, enqueued_at FROM telegram_extractions
    WHERE pipeline_version = %(version)s AND status IN ('pending', 'failed') AND not_before <= %(at)s
    UNION ALL
    SELECT priority, enqueued_at FROM telegram_extractions
    WHERE pipeline_version = %(version)s AND status = 'processing' AND lease_expires_at <= %(at)s
) AS due;

-- name: next_due_at
SELECT least(
    (
        SELECT min(not_before) FROM telegram_extractions
        WHERE pipeline_version = %(version)s AND status IN ('pending', 'failed')
    ),
    (
        SELECT min(lease_expires_at) FROM telegram_extractions
        WHERE pipeline_version = %(version)s AND status = 'processing'
    )
);

-- name: scope_counts
SELECT job.status, count(*)
FROM unnest(%(raw_ids)s::bigint[]) AS wanted (raw_id)
JOIN telegram_extractions AS job ON job.raw_id = wanted.raw_id AND job.pipeline_version = %(version)s
GROUP BY job.status;

-- name: counts_by_hour
SELECT
    message.channel_id, channel.reference, hour_of(message.posted_at) AS hour,
    count(*) FILTER (WHERE job.status = 'ok') AS ok,
    count(*) FILTER (WHERE job.status = 'skipped') AS skipped,
    count(*) FILTER (WHERE job.status = 'failed') AS failed,
    count(*) FILTER (WHERE job.status = 'dead') AS dead,
    count(*) FILTER (WHERE job.status = 'pending') AS pending,
    count(*) FILTER (WHERE job.status = 'processing') AS processing,
    encode(sha256(convert_to(coalesce(string_agg(
        concat_ws(' ', message.message_id, job.status, job.reason, md5(job.result::text)),
        ',' ORDER BY message.message_id
    ) FILTER (WHERE job.status IN ('ok', 'skipped')), ''), 'utf8')), 'hex') AS digest
FROM live_messages AS message
JOIN channels AS channel USING (channel_id)
JOIN telegram_extractions AS job ON job.raw_id = message.raw_id AND job.pipeline_version = %(version)s
WHERE message.channel_id = ANY (%(channel_ids)s)
AND message.posted_at >= %(since)s AND message.posted_at < %(until)s
GROUP BY message.channel_id, channel.reference, hour_of(message.posted_at)
ORDER BY hour, channel.reference;

-- name: samples
SELECT
    message.message_id, message.posted_at, job.status, job.reason,
    jsonb_array_length(job.result -> 'segments') AS segments,
    job.result #>> '{segments,0,assignment_code}' AS assignment_code,
    job.result #>> '{segments,0,academic_display_text}' AS academic_display_text,
    job.result #>> '{segments,0,rate,raw_text}' AS rate,
    message.text
FROM live_messages AS message
JOIN telegram_extractions AS job ON job.raw_id = message.raw_id AND job.pipeline_version = %(version)s
WHERE message.channel_id = %(channel_id)s
AND message.posted_at >= %(since)s AND message.posted_at < %(until)s
ORDER BY message.posted_at, message.message_id
LIMIT %(limit)s;
