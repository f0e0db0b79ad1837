-- name: lock_channel
-- One round trip: wait for the channel, learn whether it is known, and plan without statistics from here on
-- (right after a bulk load there are none, and a sequential scan of the log would be chosen).
SELECT
    EXISTS (SELECT FROM channels WHERE channel_id = %(channel_id)s),
    set_config('enable_seqscan', 'off', true),
    lock_channel(%(channel_id)s);

-- name: create_staging
CREATE TEMPORARY TABLE IF NOT EXISTS staged_messages (
    message_id bigint NOT NULL,
    posted_at timestamptz NOT NULL,
    edited_at timestamptz,
    kind text NOT NULL,
    content_hash bytea NOT NULL,
    text text STORAGE EXTERNAL NOT NULL,
    author text,
    reply_to bigint,
    forwarded_from text,
    media text,
    payload text STORAGE EXTERNAL NOT NULL
) WITH (toast_tuple_target = 8160) ON COMMIT DELETE ROWS;

-- name: copy_staging
COPY staged_messages (
    message_id, posted_at, edited_at, kind, content_hash, text, author, reply_to, forwarded_from, media, payload
) FROM STDIN (FORMAT BINARY);

-- name: insert_revisions
-- A message becomes a row when it is unknown, when it shows more recent other content, or when it came back
-- after a deletion. Everything else is known already, older than what is known, or deleted by now.
WITH stored AS (
    INSERT INTO telegram_messages_raw (
        channel_id, message_id, revision, kind, posted_at, edited_at, observed_at, stored_at, content_hash,
        text, author, reply_to, forwarded_from, media, source, payload
    )
    SELECT
        %(channel_id)s, staged.message_id, coalesce(latest.revision, 0) + 1, staged.kind,
        coalesce(latest.posted_at, staged.posted_at), staged.edited_at, %(observed_at)s, %(at)s,
        staged.content_hash, staged.text, staged.author, staged.reply_to, staged.forwarded_from, staged.media,
        %(source)s::source_kind, staged.payload::jsonb
    FROM staged_messages AS staged
    LEFT JOIN LATERAL (
        SELECT raw.revision, raw.kind, raw.posted_at, raw.edited_at, raw.observed_at, raw.content_hash
        FROM telegram_messages_raw AS raw
        WHERE raw.channel_id = %(channel_id)s AND raw.message_id = staged.message_id
        ORDER BY raw.revision DESC LIMIT 1
    ) AS latest ON true
    WHERE CASE
        WHEN latest.revision IS NULL THEN
            staged.message_id <> ALL (%(deleted)s::bigint[])
            AND staged.message_id NOT IN (
                SELECT unseen.message_id FROM unseen_deletions AS unseen
                WHERE unseen.channel_id = %(channel_id)s AND unseen.observed_at >= %(observed_at)s
            )
        WHEN latest.kind = 'tombstone' THEN
            staged.message_id <> ALL (%(deleted)s::bigint[]) AND %(observed_at)s > latest.observed_at
        ELSE staged.content_hash <> latest.content_hash
            AND (coalesce(staged.edited_at, staged.posted_at), %(observed_at)s)
                > (coalesce(latest.edited_at, latest.posted_at), latest.observed_at)
    END
    ON CONFLICT (channel_id, message_id, revision) DO NOTHING
    RETURNING raw_id, message_id, revision, posted_at
)
SELECT
    coalesce(array_agg(raw_id), '{}'),
    coalesce(array_agg(message_id) FILTER (WHERE revision > 1), '{}'),
    coalesce(array_agg(DISTINCT hour_of(posted_at)), '{}')
FROM stored;

-- name: settle_hours
-- Deletions and the ledger in one pass over the live messages of the touched hours.
WITH swept AS (
    SELECT * FROM unnest(
        %(hours)s::timestamptz[], %(states)s::hour_state[], %(errors)s::text[], %(rereads)s::timestamptz[]
    ) AS sweep (hour, state, error, reread_at)
),
gone AS (
    SELECT named.message_id, latest.kind, latest.posted_at
    FROM unnest(%(deleted)s::bigint[]) AS named (message_id)
    LEFT JOIN LATERAL (
        SELECT raw.kind, raw.posted_at
        FROM telegram_messages_raw AS raw
        WHERE raw.channel_id = %(channel_id)s AND raw.message_id = named.message_id
        ORDER BY raw.revision DESC LIMIT 1
    ) AS latest ON true
),
unseen AS (
    INSERT INTO unseen_deletions AS known (channel_id, message_id, observed_at)
    SELECT %(channel_id)s, message_id, %(observed_at)s FROM gone WHERE kind IS NULL
    ON CONFLICT (channel_id, message_id) DO UPDATE SET
        observed_at = greatest(known.observed_at, excluded.observed_at)
),
touched AS (
    SELECT hour, known.shown_at
    FROM (
        SELECT hour FROM swept
        UNION SELECT unnest(%(touched)s::timestamptz[])
        UNION SELECT hour_of(posted_at) FROM gone WHERE kind <> 'tombstone'
    ) AS any_way
    LEFT JOIN LATERAL (
        SELECT ledger.shown_at FROM channel_hours AS ledger
        WHERE ledger.channel_id = %(channel_id)s AND ledger.hour = any_way.hour
    ) AS known ON true
),
live AS MATERIALIZED (
    SELECT
        touched.hour, touched.shown_at, message.raw_id, message.message_id, message.revision,
        message.posted_at, message.observed_at, message.content_hash
    FROM touched
    CROSS JOIN LATERAL (
        SELECT * FROM live_messages
        WHERE channel_id = %(channel_id)s
        AND posted_at >= touched.hour AND posted_at < touched.hour + interval '1 hour'
        OFFSET 0 -- hour by hour through the index: joined as one, it reads the whole channel
    ) AS message
),
deleted AS (
    INSERT INTO telegram_messages_raw (
        channel_id, message_id, revision, kind, posted_at, observed_at, stored_at, content_hash, text, source,
        payload
    )
    SELECT
        %(channel_id)s, lost.message_id, lost.revision + 1, 'tombstone', lost.posted_at, lost.observed_at,
        %(at)s, '', '', %(source)s::source_kind, '{}'
    FROM (
        SELECT live.message_id, live.revision, live.posted_at, %(observed_at)s AS observed_at
        FROM live
        JOIN swept USING (hour)
        WHERE %(tombstones)s AND swept.state <> 'failed' AND live.observed_at < %(observed_at)s
        AND NOT EXISTS (SELECT FROM staged_messages AS staged WHERE staged.message_id = live.message_id)
        UNION
        SELECT live.message_id, live.revision, live.posted_at, %(observed_at)s
        FROM live
        JOIN gone USING (message_id)
        WHERE live.observed_at <= %(observed_at)s
        UNION
        -- New to the log, but a read of its hour that began later did not show it any more.
        SELECT live.message_id, live.revision, live.posted_at, live.shown_at
        FROM live
        WHERE live.shown_at > %(observed_at)s AND live.revision = 1 AND live.raw_id = ANY (%(stored)s)
    ) AS lost
    RETURNING message_id
),
counted AS (
    SELECT
        touched.hour,
        count(live.message_id) AS messages,
        min(live.message_id) AS first_message_id,
        max(live.message_id) AS last_message_id,
        encode(sha256(coalesce(
            string_agg(int8send(live.message_id) || live.content_hash, '' ORDER BY live.message_id), ''
        )), 'hex') AS digest
    FROM touched
    LEFT JOIN live ON live.hour = touched.hour AND live.message_id NOT IN (SELECT message_id FROM deleted)
    GROUP BY touched.hour
),
ledger AS (
    INSERT INTO channel_hours AS known (
        channel_id, hour, state, messages, first_message_id, last_message_id, digest, swept_at, swept_by,
        attempts, error, changed_at, reread_at, shown_at
    )
    SELECT
        %(channel_id)s, counted.hour, coalesce(swept.state, 'open'), counted.messages,
        counted.first_message_id, counted.last_message_id, counted.digest,
        CASE WHEN swept.hour IS NOT NULL THEN %(at)s END,
        CASE WHEN swept.hour IS NOT NULL THEN %(source)s::source_kind END,
        CASE WHEN swept.state = 'failed' THEN 1 ELSE 0 END,
        CASE WHEN swept.state = 'failed' THEN coalesce(swept.error, 'the read failed') END,
        %(at)s,
        CASE WHEN swept.state = 'sealed' AND %(source)s <> 'export' THEN swept.reread_at END,
        CASE WHEN swept.state <> 'failed' AND %(tombstones)s THEN %(observed_at)s::timestamptz END
    FROM counted
    LEFT JOIN swept USING (hour)
    ORDER BY counted.hour
    ON CONFLICT (channel_id, hour) DO UPDATE SET
        state = CASE
            WHEN excluded.swept_at IS NULL OR known.state = 'sealed' THEN known.state ELSE excluded.state
        END,
        messages = excluded.messages,
        first_message_id = excluded.first_message_id,
        last_message_id = excluded.last_message_id,
        digest = excluded.digest,
        swept_at = coalesce(excluded.swept_at, known.swept_at),
        swept_by = coalesce(excluded.swept_by, known.swept_by),
        attempts = CASE
            WHEN excluded.swept_at IS NULL THEN known.attempts
            WHEN excluded.state = 'failed' THEN known.attempts + 1
            ELSE 0
        END,
        error = CASE WHEN excluded.swept_at IS NULL THEN known.error ELSE excluded.error END,
        changed_at = CASE
            -- Never the same twice, and never before a report of what was there until now: the clock was read before
            -- the wait for the channel, and maybe on another host.
            WHEN known.digest <> excluded.digest OR (
                excluded.swept_at IS NOT NULL AND known.state NOT IN ('sealed', excluded.state)
            )
                THEN greatest(
                    excluded.changed_at, greatest(known.changed_at, known.reported_at) + interval '1 microsecond'
                )
            ELSE known.changed_at
        END,
        reread_at = CASE
            -- Only a full read that began after the time to look again has looked; an export never can.
            WHEN excluded.swept_at IS NULL OR excluded.state <> 'sealed' OR excluded.swept_by = 'export'
                OR known.reread_at > %(observed_at)s
                THEN known.reread_at
            ELSE excluded.reread_at
        END,
        shown_at = greatest(known.shown_at, excluded.shown_at)
)
SELECT coalesce(array_agg(message_id), '{}') FROM deleted;

-- name: supersede
UPDATE telegram_extractions AS job SET
    status = 'skipped', reason = %(reason)s, finished_at = %(at)s
FROM telegram_messages_raw AS raw
WHERE raw.channel_id = %(channel_id)s AND raw.message_id = ANY (%(message_ids)s)
AND job.raw_id = raw.raw_id AND job.status IN ('pending', 'failed');

-- name: enqueue
-- Which version is live is asked here, behind the channel's lock: a promotion has come before, or comes after.
SELECT enqueue_telegram_extractions(
    %(raw_ids)s,
    coalesce((SELECT pipeline_version FROM projection WHERE %(live)s), %(version)s),
    %(priority)s, false, %(at)s
);

-- name: demand_reread
-- At once and not earlier, even where that was due already: a read that has begun before now has not looked.
UPDATE channel_hours SET reread_at = %(at)s
WHERE channel_id = %(channel_id)s AND hour >= hour_of(%(since)s) AND hour < %(until)s;

-- name: lock_channels
-- In one order, and before the statement that changes them: a statement that locks and changes the same row may see
-- the row as it was before it waited, goes back to that version, and then waits for whoever waits for us.
SELECT channel_id FROM channels WHERE channel_id = ANY (%(channel_ids)s) ORDER BY channel_id FOR NO KEY UPDATE;

-- name: move_cursors
-- Forward only: a cursor that is behind the known one says nothing, the same one says that nothing happened.
UPDATE channels AS channel SET
    cursor = greatest(channel.cursor, told.cursor),
    cursor_at = CASE
        WHEN channel.cursor > told.cursor THEN channel.cursor_at
        ELSE greatest(channel.cursor_at, %(observed_at)s)
    END
FROM unnest(%(channel_ids)s::bigint[], %(cursors)s::bigint[]) AS told (channel_id, cursor)
WHERE channel.channel_id = told.channel_id;

-- name: positions
SELECT
    channel.channel_id, channel.cursor, channel.cursor_at,
    coalesce((
        SELECT max(raw.message_id) FROM telegram_messages_raw AS raw WHERE raw.channel_id = channel.channel_id
    ), 0) AS last_message_id
FROM channels AS channel
WHERE %(channel_id)s::bigint IS NULL OR channel.channel_id = %(channel_id)s
ORDER BY channel.channel_id;

-- name: raw_ids
SELECT latest.raw_id
FROM unnest(%(channel_ids)s::bigint[]) AS channel (channel_id)
CROSS JOIN LATERAL (
    SELECT message.raw_id, message.posted_at
    FROM live_messages AS message
    WHERE message.channel_id = channel.channel_id
    AND message.posted_at >= %(since)s AND message.posted_at < %(until)s
    ORDER BY message.posted_at, message.message_id
    LIMIT %(limit)s
) AS latest
ORDER BY latest.posted_at, latest.raw_id;

-- name: sample
SELECT message_id, posted_at, text, kind, edited_at, revision, author, media
FROM live_messages
WHERE channel_id = %(channel_id)s AND posted_at >= %(since)s AND posted_at < %(until)s
ORDER BY posted_at, message_id
LIMIT %(limit)s;

-- name: counts_per_hour
SELECT channel_id, hour, messages
FROM channel_hours
WHERE channel_id = ANY (%(channel_ids)s) AND hour >= %(since)s AND hour < %(until)s
ORDER BY hour, channel_id;
