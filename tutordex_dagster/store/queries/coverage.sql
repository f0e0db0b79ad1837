-- name: hours
SELECT hour, state, messages, first_message_id, last_message_id, digest, error, changed_at
FROM channel_hours
WHERE channel_id = %(channel_id)s AND hour >= %(since)s AND hour < %(until)s
ORDER BY hour;

-- name: mark_reported
-- Only where the row is still the one that was reported: it changed since, and has to be reported again, otherwise.
UPDATE channel_hours AS known SET reported_at = greatest(%(at)s, known.changed_at)
FROM unnest(%(hours)s::timestamptz[], %(changed)s::timestamptz[]) AS told (hour, changed_at)
WHERE known.channel_id = %(channel_id)s AND known.hour = told.hour AND known.changed_at = told.changed_at
AND (known.reported_at IS NULL OR known.reported_at < greatest(%(at)s, known.changed_at));

-- name: due
-- An export shows nothing after the day it was made: reading it again cannot heal those hours. A channel that is
-- not listed any more is not read. Gaps are looked for only in channels whose rows are too few, and nothing else is read but what two partial indexes hold.
WITH expected AS MATERIALIZED (
    SELECT
        channel.channel_id, channel.reference, span.since, span.until,
        CASE WHEN channel.listed THEN least(span.until, hour_of(export.vouches_until)) END AS readable_until
    FROM channels AS channel
    CROSS JOIN LATERAL (
        SELECT
            greatest(hour_of(greatest(channel.collect_since, %(grid_start)s)), %(since)s) AS since,
            least(hour_of(%(target)s), %(before)s) AS until
    ) AS span
    LEFT JOIN LATERAL (
        SELECT max(vouches_until) AS vouches_until
        FROM channel_exports
        WHERE channel_id = channel.channel_id AND channel.source_kind = 'export'
    ) AS export ON true
),
incomplete AS MATERIALIZED (
    SELECT expected.*
    FROM expected
    CROSS JOIN LATERAL (
        SELECT count(*) AS hours
        FROM channel_hours AS ledger
        WHERE ledger.channel_id = expected.channel_id
        AND ledger.hour >= expected.since AND ledger.hour < expected.readable_until
    ) AS known
    WHERE known.hours < extract(epoch FROM expected.readable_until - expected.since) / 3600
),
candidates AS (
    SELECT incomplete.channel_id, incomplete.reference, grid.hour, 'missing' AS why
    FROM incomplete
    CROSS JOIN LATERAL (
        SELECT generate_series(
            incomplete.since, incomplete.readable_until - interval '1 hour', interval '1 hour'
        )
        EXCEPT
        SELECT ledger.hour FROM channel_hours AS ledger
        WHERE ledger.channel_id = incomplete.channel_id
        AND ledger.hour >= incomplete.since AND ledger.hour < incomplete.readable_until
    ) AS grid (hour)
    UNION ALL
    SELECT
        expected.channel_id, expected.reference, ledger.hour,
        CASE
            WHEN readable AND ledger.state = 'open' THEN 'open'
            WHEN readable AND ledger.state = 'failed' AND ledger.swept_at < %(retry_failed_before)s
                THEN 'failed'
            WHEN readable AND ledger.state = 'sealed' AND ledger.reread_at <= %(now)s
                AND (ledger.attempts = 0 OR ledger.swept_at < %(retry_failed_before)s)
                THEN 'reread'
            WHEN ledger.state <> 'failed' AND (
                ledger.reported_at IS NULL OR ledger.reported_at < ledger.changed_at
            ) THEN 'unreported'
        END
    FROM expected
    CROSS JOIN LATERAL (
        SELECT hour, state, attempts, swept_at, changed_at, reported_at, reread_at FROM channel_hours
        WHERE channel_id = expected.channel_id AND hour >= expected.since AND hour < expected.until
        AND (state <> 'sealed' OR reported_at IS NULL OR reported_at < changed_at)
        UNION
        SELECT hour, state, attempts, swept_at, changed_at, reported_at, reread_at FROM channel_hours
        WHERE channel_id = expected.channel_id AND hour >= expected.since AND hour < expected.until
        AND reread_at <= %(now)s
    ) AS ledger
    CROSS JOIN LATERAL (SELECT ledger.hour < expected.readable_until) AS reading (readable)
)
SELECT channel_id, reference, hour, why
FROM candidates
WHERE why IS NOT NULL
ORDER BY why = 'unreported', why = 'reread', hour, reference
LIMIT %(limit)s;

-- name: unreported_since
SELECT channel.channel_id, channel.reference, ledger.hour, 'unreported' AS why
FROM channels AS channel
CROSS JOIN LATERAL (
    SELECT hour FROM channel_hours
    WHERE channel_id = channel.channel_id AND hour >= greatest(hour_of(channel.collect_since), %(since)s)
    AND state <> 'failed' AND (reported_at IS NULL OR reported_at < changed_at)
) AS ledger
ORDER BY ledger.hour, channel.reference
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
