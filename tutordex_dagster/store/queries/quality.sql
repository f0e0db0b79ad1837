-- name: broken_revisions
-- Revisions of a message count from 1 without a hole, so that exactly one is the latest.
SELECT channel.reference, raw.message_id, raw.revision
FROM telegram_messages_raw AS raw
JOIN channels AS channel USING (channel_id)
WHERE raw.posted_at >= %(since)s AND raw.revision > 1 AND NOT EXISTS (
    SELECT FROM telegram_messages_raw AS before
    WHERE before.channel_id = raw.channel_id AND before.message_id = raw.message_id
    AND before.revision = raw.revision - 1
)
ORDER BY channel.reference, raw.message_id
LIMIT %(limit)s;

-- name: recent_results
SELECT raw_id, result FROM telegram_extractions
WHERE pipeline_version = %(version)s AND status = 'ok'
ORDER BY raw_id DESC
LIMIT %(limit)s;

-- name: open_but_deleted
SELECT channel.reference, assignment.message_id, assignment.segment, assignment.assignment_code
FROM assignments AS assignment
JOIN channels AS channel USING (channel_id)
WHERE assignment.status = 'open' AND NOT EXISTS (
    SELECT FROM live_messages AS message
    WHERE message.channel_id = assignment.channel_id AND message.message_id = assignment.message_id
)
ORDER BY channel.reference, assignment.message_id
LIMIT %(limit)s;
