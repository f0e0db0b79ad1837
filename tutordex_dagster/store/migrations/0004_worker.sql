-- The worker of slow extractors: pauses a service asks for, versions that are stopped, answers used again,
-- dead letters, and what earlier attempts of a job cost.

ALTER TYPE breaker_state ADD VALUE 'stopped';

ALTER TABLE breakers ADD COLUMN not_before timestamptz;

ALTER TABLE telegram_extractions ADD COLUMN text_hash bytea;

CREATE INDEX telegram_extractions_answered
ON telegram_extractions (pipeline_version, text_hash)
WHERE status IN ('ok', 'skipped') AND text_hash IS NOT NULL;

CREATE INDEX telegram_extractions_dead
ON telegram_extractions (pipeline_version, finished_at)
WHERE status = 'dead';

-- Returns two more columns, which replacing a function cannot do.
DROP FUNCTION claim_telegram_extractions;

CREATE FUNCTION claim_telegram_extractions(
    version text, max_jobs integer, lease_seconds integer, max_attempts integer,
    raw_ids bigint[] DEFAULT NULL, as_of timestamptz DEFAULT now()
) RETURNS TABLE (
    raw_id bigint, pipeline_version text, lease_token uuid, attempt smallint, priority smallint,
    channel_id bigint, posted_at timestamptz, kind text, text text, forwarded_from text, spent jsonb
)
LANGUAGE plpgsql ROWS 50
-- The plan must not depend on statistics: after a bulk enqueue there are none.
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $$
#variable_conflict use_column
DECLARE
    chosen bigint[];
BEGIN
    UPDATE telegram_extractions AS job SET
        status = CASE WHEN job.attempt >= max_attempts THEN 'dead' ELSE 'pending' END::job_status,
        not_before = as_of,
        lease_token = NULL,
        lease_expires_at = NULL,
        error_class = 'LeaseExpired',
        reason = 'attempt ' || job.attempt || ' was not finished before ' || job.lease_expires_at,
        finished_at = CASE WHEN job.attempt >= max_attempts THEN as_of END
    WHERE job.ctid = ANY (ARRAY(
        SELECT stale.ctid FROM telegram_extractions AS stale
        WHERE stale.status = 'processing' AND stale.pipeline_version = version AND stale.lease_expires_at <= as_of
        ORDER BY stale.lease_expires_at LIMIT 1000
        FOR UPDATE SKIP LOCKED
    ));

    IF raw_ids IS NULL THEN
        chosen := ARRAY(
            SELECT job.raw_id FROM telegram_extractions AS job
            WHERE job.pipeline_version = version AND job.status IN ('pending', 'failed') AND job.not_before <= as_of
            ORDER BY job.priority, job.not_before, job.raw_id LIMIT max_jobs
            FOR UPDATE SKIP LOCKED
        );
    ELSE
        chosen := ARRAY(
            SELECT job.raw_id FROM telegram_extractions AS job
            WHERE job.raw_id = ANY (raw_ids) AND job.pipeline_version = version
            AND job.status IN ('pending', 'failed') AND job.not_before <= as_of
            ORDER BY job.priority, job.not_before, job.raw_id LIMIT max_jobs
            FOR UPDATE SKIP LOCKED
        );
    END IF;

    RETURN QUERY
    WITH claimed AS (
        UPDATE telegram_extractions AS job SET
            status = 'processing',
            attempt = job.attempt + 1,
            lease_token = gen_random_uuid(),
            lease_expires_at = as_of + make_interval(secs => lease_seconds)
        WHERE job.raw_id = ANY (chosen) AND job.pipeline_version = version
        RETURNING job.*
    )
    SELECT job.raw_id, job.pipeline_version, job.lease_token, job.attempt, job.priority,
        job.channel_id, job.posted_at, raw.kind, raw.text, raw.forwarded_from, job.meta -> 'spent'
    FROM claimed AS job JOIN telegram_messages_raw AS raw ON raw.raw_id = job.raw_id
    ORDER BY job.priority, job.not_before, job.raw_id;
END
$$;
