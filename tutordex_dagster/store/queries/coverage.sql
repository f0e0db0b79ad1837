-- name: hours
SELECT hour, state, messages, first_message_id, last_message_id, digest, error
FROM channel_hours
WHERE channel_id = %(channel_id)s AND hour >= %(since)s AND hour < %(until)s
ORDER BY hour;

-- name: mark_reported
UPDATE channel_hours SET reported_at = %(at)s
WHERE channel_id = %(channel_id)s AND hour = ANY (%(hours)s::timestamptz[])
AND (reported_at IS NULL OR reported_at < %(at)s);

-- name: due
-- An export shows nothing after the day it was made: reading it again cannot heal those hours.
SELECT * FROM (
    SELECT
        channel.channel_id, channel.reference, grid.hour,
        CASE
            WHEN ledger.hour IS NULL THEN CASE WHEN readable THEN 'missing' END
            WHEN readable AND ledger.state = 'failed' AND ledger.swept_at < %(retry_failed_before)s THEN 'failed'
            WHEN readable AND ledger.state = 'open' THEN 'open'
            WHEN ledger.state <> 'failed' AND (
                ledger.reported_at IS NULL OR ledger.reported_at < ledger.changed_at
            ) THEN 'unreported'
        END AS why
    FROM channels AS channel
    LEFT JOIN LATERAL (
        SELECT max(export.vouches_until) AS vouches_until
        FROM channel_exports AS export
        WHERE export.channel_id = channel.channel_id AND channel.source_kind = 'export'
    ) AS export ON true
    CROSS JOIN LATERAL generate_series(
        hour_of(greatest(channel.collect_since, %(grid_start)s)),
        %(target)s - interval '1 hour',
        interval '1 hour'
    ) AS grid (hour)
    CROSS JOIN LATERAL (
        SELECT export.vouches_until IS NULL OR grid.hour + interval '1 hour' <= export.vouches_until
    ) AS reading (readable)
    LEFT JOIN channel_hours AS ledger ON ledger.channel_id = channel.channel_id AND ledger.hour = grid.hour
) AS candidate
WHERE why IS NOT NULL
ORDER BY hour, reference
LIMIT %(limit)s;

-- name: summary
-- Hours are expected from collect_since up to the newest hour of the channel in the ledger.
WITH ledger AS (
    SELECT
        channel_id, hour, state, messages, last_message_id,
        lag(hour) OVER (PARTITION BY channel_id ORDER BY hour) AS previous
    FROM channel_hours
),
gaps AS (
    SELECT
        ledger.channel_id,
        coalesce(ledger.previous + interval '1 hour', hour_of(channel.collect_since)) AS since,
        ledger.hour AS until
    FROM ledger
    JOIN channels AS channel USING (channel_id)
    WHERE coalesce(ledger.previous + interval '1 hour', hour_of(channel.collect_since)) < ledger.hour
),
gaps_of AS (
    SELECT
        channel_id,
        (sum(extract(epoch FROM until - since)) / 3600)::integer AS missing,
        (array_agg(since ORDER BY since))[:%(max_gaps)s] AS since,
        (array_agg(until ORDER BY since))[:%(max_gaps)s] AS until
    FROM gaps
    GROUP BY channel_id
),
counts AS (
    SELECT
        channel_id,
        min(hour) AS first_hour,
        count(*) FILTER (WHERE state = 'sealed') AS sealed,
        count(*) FILTER (WHERE state = 'open') AS open,
        count(*) FILTER (WHERE state = 'failed') AS failed,
        sum(messages)::bigint AS messages
    FROM ledger
    GROUP BY channel_id
)
SELECT
    channel.channel_id, channel.reference,
    (
        SELECT max(raw.posted_at) FROM telegram_messages_raw AS raw WHERE raw.channel_id = channel.channel_id
    ) AS newest_message_at,
    counts.first_hour,
    coalesce(counts.sealed, 0) AS sealed,
    coalesce(counts.open, 0) AS open,
    coalesce(counts.failed, 0) AS failed,
    coalesce(gaps_of.missing, 0) AS missing,
    coalesce(gaps_of.since, '{}') AS gap_since,
    coalesce(gaps_of.until, '{}') AS gap_until,
    coalesce(counts.messages, 0) AS messages
FROM channels AS channel
LEFT JOIN counts USING (channel_id)
LEFT JOIN gaps_of USING (channel_id)
ORDER BY channel.reference;
