-- name: list
SELECT
    job.raw_id, job.pipeline_version AS version, channel.reference, message.message_id, job.posted_at,
    job.attempt AS attempts, job.error_class, coalesce(job.reason, job.meta ->> 'message') AS message,
    job.finished_at AS died_at
FROM telegram_extractions AS job
JOIN telegram_messages_raw AS message USING (raw_id)
JOIN channels AS channel ON channel.channel_id = job.channel_id
WHERE job.status = 'dead' AND job.pipeline_version = ANY (%(versions)s)
ORDER BY job.finished_at DESC, job.raw_id LIMIT %(limit)s;

-- name: versions
-- Every version that was ever registered, so that the index of the dead is asked and not the whole queue.
SELECT name FROM pipeline_versions WHERE name = coalesce(%(version)s, name) ORDER BY name;

-- name: show
SELECT
    job.raw_id, job.pipeline_version AS version, channel.reference, message.message_id, job.posted_at,
    job.attempt AS attempts, job.error_class, coalesce(job.reason, job.meta ->> 'message') AS message,
    job.finished_at AS died_at, message.text, job.meta ->> 'artifact' AS artifact,
    job.meta - 'artifact' - 'message' AS meta
FROM telegram_extractions AS job
JOIN telegram_messages_raw AS message USING (raw_id)
JOIN channels AS channel ON channel.channel_id = job.channel_id
WHERE job.status = 'dead' AND job.raw_id = %(raw_id)s AND job.pipeline_version = ANY (%(versions)s)
ORDER BY job.pipeline_version;

-- name: retry
UPDATE telegram_extractions SET
    status = 'pending', attempt = 0, not_before = %(at)s, finished_at = NULL, reason = NULL, error_class = NULL
WHERE status = 'dead' AND pipeline_version = ANY (%(versions)s)
AND (%(raw_ids)s::bigint[] IS NULL OR raw_id = ANY (%(raw_ids)s::bigint[]))
RETURNING raw_id;

-- name: discard
WITH discarded AS (
    UPDATE telegram_extractions SET status = 'skipped', reason = %(reason)s, finished_at = %(at)s
    WHERE status = 'dead' AND pipeline_version = ANY (%(versions)s) AND raw_id = ANY (%(raw_ids)s)
    RETURNING raw_id, channel_id, pipeline_version
),
noted AS ( -- for the version's projection
    INSERT INTO unprojected (pipeline_version, channel_id, raw_id)
    SELECT pipeline_version, channel_id, raw_id FROM discarded
    ON CONFLICT DO NOTHING
)
SELECT raw_id FROM discarded;
