-- The whole database of TutorDex. Migrations lead here step by step; a test compares the two.
-- Times are timestamptz and mean UTC. A full hour is a multiple of 3600 s since the epoch.

-- Which numbered migrations this database has seen, and the text they had then.
CREATE TABLE schema_migrations (
    version integer PRIMARY KEY,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);

CREATE TYPE source_kind AS ENUM (
    'recorded', -- a recording of examples, for the first run and for tests
    'export',   -- a Telegram Desktop export
    'telegram'  -- Telegram itself
);

CREATE TYPE hour_state AS ENUM (
    'open',   -- read before it ended, or never read as a whole; a read begun after its end seals it
    'sealed', -- a read begun after its end is stored; never open again
    'failed'  -- the last read failed and none had sealed it; the next good read opens or seals it
);

CREATE TYPE job_status AS ENUM (
    'pending',    -- enqueued; a claim makes it processing
    'processing', -- claimed, owned by lease_token until lease_expires_at; finish or an expired lease ends it
    'ok',         -- finished with a result; a forced enqueue makes it pending
    'failed',     -- an attempt ended without a result; claimable again at not_before
    'skipped',    -- finished without a result because there is none to have, see reason
    'dead'        -- out of attempts; a retry by hand or a forced enqueue makes it pending
);

CREATE TYPE assignment_status AS ENUM (
    'open',  -- tutors can still apply, as far as the channel shows
    'closed' -- see closed_reason; a later revision of the post, or of the one that closed it, can open it again
);

-- The hour an instant lies in.
CREATE FUNCTION hour_of(at timestamptz) RETURNS timestamptz
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN date_bin(interval '1 hour', at, timestamptz 'epoch');

-- Whoever stores a channel's messages or projects them holds this until the transaction ends, so neither
-- decides on a view of the channel that the other is just changing. Take several in order of the id.
CREATE FUNCTION lock_channel(channel_id bigint) RETURNS void
LANGUAGE sql VOLATILE STRICT
RETURN pg_advisory_xact_lock(1, hashint8(channel_id));

CREATE TABLE channels (
    channel_id bigint PRIMARY KEY,          -- Telegram's bare id, without the -100 prefix
    reference text NOT NULL UNIQUE CHECK (reference = lower(reference)), -- partition key, t.me/somechannel
    title text NOT NULL,
    source_kind source_kind NOT NULL,
    collect_since timestamptz NOT NULL,     -- hours from here on should exist in channel_hours
    registered_at timestamptz NOT NULL DEFAULT now(),
    cursor bigint,                          -- everything the channel did up to here is stored (Telegram: its pts)
    cursor_at timestamptz,                  -- when the source last confirmed the cursor
    member boolean,                         -- whether our account joined; null: not known
    problem text,                           -- why the channel cannot be read now; null: it can
    problem_at timestamptz,
    listed boolean NOT NULL DEFAULT true,   -- false: taken out of CHANNEL_LIST, no longer collected by itself
    CONSTRAINT cursor_has_time CHECK ((cursor IS NULL) = (cursor_at IS NULL)),
    CONSTRAINT problem_has_time CHECK ((problem IS NULL) = (problem_at IS NULL))
);

-- What an account needs to read a channel without looking its name up again.
CREATE TABLE channel_access (
    account_id bigint NOT NULL,
    channel_id bigint NOT NULL REFERENCES channels,
    access_hash bigint NOT NULL,
    PRIMARY KEY (account_id, channel_id)
);

-- References of CHANNEL_LIST that could not be resolved, and why.
CREATE TABLE wanted_channels (
    reference text PRIMARY KEY,
    problem text NOT NULL,
    checked_at timestamptz NOT NULL
);

-- Export files a channel was read from, so that its hours can be read again from the same place.
CREATE TABLE channel_exports (
    channel_id bigint NOT NULL REFERENCES channels,
    path text NOT NULL,
    timezone text,                          -- given by a person when the file has no UTC times
    first_at timestamptz NOT NULL,
    vouches_until timestamptz NOT NULL,     -- the file shows everything before this instant
    imported_at timestamptz NOT NULL DEFAULT now(),
    messages integer NOT NULL,
    PRIMARY KEY (channel_id, path)
);

-- The log: a row is one revision of one message. Rows are added, never changed or removed.
CREATE TABLE telegram_messages_raw (
    raw_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel_id bigint NOT NULL REFERENCES channels,
    message_id bigint NOT NULL,
    revision integer NOT NULL CHECK (revision > 0),
    kind text NOT NULL CHECK (kind IN ('post', 'service', 'tombstone')),
    posted_at timestamptz NOT NULL,         -- of the first revision: it decides the message's hour for ever
    edited_at timestamptz,
    observed_at timestamptz NOT NULL,       -- when the source showed this state
    stored_at timestamptz NOT NULL DEFAULT now(),
    content_hash bytea NOT NULL,            -- empty for a tombstone
    text text NOT NULL,
    author text,
    reply_to bigint,
    forwarded_from text,
    media text,
    source source_kind NOT NULL,
    payload jsonb NOT NULL,
    UNIQUE (channel_id, message_id, revision)
);

CREATE INDEX telegram_messages_raw_posted ON telegram_messages_raw (channel_id, posted_at);

-- Edits, of which a change of the live version looks through all: few, while the log grows for ever.
CREATE INDEX telegram_messages_raw_edited ON telegram_messages_raw (raw_id)
INCLUDE (channel_id, message_id, revision)
WHERE revision > 1 AND kind <> 'tombstone';

CREATE FUNCTION refuse_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
        USING HINT = 'An edit is a new revision and a deletion is a tombstone row.';
END
$$;

-- Once a statement and not on INSERT: adding rows costs nothing.
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON telegram_messages_raw
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What a reader of the channel sees now: the latest revision of every message that was not deleted.
CREATE VIEW live_messages AS
SELECT raw.*
FROM telegram_messages_raw AS raw
WHERE raw.kind <> 'tombstone'
AND NOT EXISTS (
    SELECT FROM telegram_messages_raw AS later
    WHERE later.channel_id = raw.channel_id
    AND later.message_id = raw.message_id
    AND later.revision > raw.revision
);

-- Deletions of messages the log did not know: a read that began before them may still bring the message.
CREATE TABLE unseen_deletions (
    channel_id bigint NOT NULL REFERENCES channels,
    message_id bigint NOT NULL,
    observed_at timestamptz NOT NULL,
    PRIMARY KEY (channel_id, message_id)
);

-- The coverage ledger. Counts, ids and digest describe the live messages of the hour.
CREATE TABLE channel_hours (
    channel_id bigint NOT NULL REFERENCES channels,
    hour timestamptz NOT NULL CHECK (hour = hour_of(hour)),
    state hour_state NOT NULL,
    messages integer NOT NULL,
    first_message_id bigint,
    last_message_id bigint,
    digest text NOT NULL,                   -- of (message_id, content_hash), whatever the order of storing
    swept_at timestamptz,                   -- last attempt to read the hour as a whole; null: never
    swept_by source_kind,
    attempts integer NOT NULL DEFAULT 0,    -- failed reads in a row
    error text,                             -- of the last read, when it failed
    changed_at timestamptz NOT NULL,        -- last change of digest or state
    reported_at timestamptz,                -- last materialization; older than changed_at means due again
    reread_at timestamptz,                  -- when to look for late edits and deletions; null: no more
    shown_at timestamptz,                   -- when the newest read began that showed all there was; null: none
    PRIMARY KEY (channel_id, hour),
    CHECK ((messages = 0) = (first_message_id IS NULL)),
    CHECK (state <> 'failed' OR error IS NOT NULL)
);

-- What `due` looks through: few rows, while the ledger grows for ever.
CREATE INDEX channel_hours_unsettled ON channel_hours (channel_id, hour)
WHERE state <> 'sealed' OR reported_at IS NULL OR reported_at < changed_at;

CREATE INDEX channel_hours_reread ON channel_hours (channel_id, reread_at) WHERE reread_at IS NOT NULL;

-- Windows of hours that a run is reading or has left half read; the row goes when the last hour is stored.
-- How far the reading came is in channel_hours: hours swept since began_at are done.
CREATE TABLE history_windows (
    channel_id bigint NOT NULL REFERENCES channels,
    since timestamptz NOT NULL CHECK (since = hour_of(since)),
    until timestamptz NOT NULL CHECK (until = hour_of(until)),
    began_at timestamptz NOT NULL,
    lease_token uuid,                       -- names the one reader that may go on
    lease_expires_at timestamptz,
    PRIMARY KEY (channel_id, since, until),
    CHECK (since < until),
    CHECK ((lease_token IS NULL) = (lease_expires_at IS NULL))
);

CREATE TABLE pipeline_versions (
    name text PRIMARY KEY,
    fingerprint text NOT NULL,
    spec jsonb NOT NULL,
    registered_at timestamptz NOT NULL DEFAULT now()
);

-- Queue and output in one row: a message revision for one pipeline version. raw_id needs no foreign key: jobs
-- are made from rows of the log, which loses none, and the key's check would write a lock into every one.
CREATE TABLE telegram_extractions (
    raw_id bigint NOT NULL,
    pipeline_version text NOT NULL,
    channel_id bigint NOT NULL,
    posted_at timestamptz NOT NULL,
    status job_status NOT NULL DEFAULT 'pending',
    priority smallint NOT NULL CHECK (priority BETWEEN 0 AND 3), -- 0 live, 1 catchup, 2 backfill, 3 reparse
    attempt smallint NOT NULL DEFAULT 0,    -- claims so far, without those that were given back
    not_before timestamptz NOT NULL,        -- earliest next claim
    lease_token uuid,                       -- names the one claim that may finish the job
    lease_expires_at timestamptz,
    result jsonb,
    reason text,
    error_class text,                       -- what kind of failure `reason` tells about
    meta jsonb NOT NULL DEFAULT '{}',
    enqueued_at timestamptz NOT NULL,
    finished_at timestamptz,
    text_hash bytea,                        -- of a text a slow extractor was asked about; null: not asked
    PRIMARY KEY (raw_id, pipeline_version),
    CONSTRAINT lease_while_processing CHECK (
        (status = 'processing') = (lease_token IS NOT NULL)
        AND (status = 'processing') = (lease_expires_at IS NOT NULL)
    ),
    CONSTRAINT result_when_ok CHECK ((status = 'ok') = (result IS NOT NULL)),
    CONSTRAINT reason_when_skipped CHECK (status <> 'skipped' OR reason IS NOT NULL),
    CONSTRAINT finished_at_when_finished CHECK ((status IN ('ok', 'skipped', 'dead')) = (finished_at IS NOT NULL))
);

-- The claim walks this index in order and stops: lane first, then age.
CREATE INDEX telegram_extractions_claim
ON telegram_extractions (pipeline_version, priority, not_before, raw_id)
WHERE status IN ('pending', 'failed');

CREATE INDEX telegram_extractions_lease
ON telegram_extractions (pipeline_version, lease_expires_at)
WHERE status = 'processing';

-- Answers that can be used again for another post of the same text. Empty for versions made of rules.
CREATE INDEX telegram_extractions_answered
ON telegram_extractions (pipeline_version, text_hash)
WHERE status IN ('ok', 'skipped') AND text_hash IS NOT NULL;

CREATE INDEX telegram_extractions_dead
ON telegram_extractions (pipeline_version, finished_at)
WHERE status = 'dead';

-- Ends by which a version has said what a text is: not those of a text that was replaced or deleted before.
CREATE VIEW said_ends AS
SELECT raw_id, pipeline_version FROM telegram_extractions
WHERE status IN ('ok', 'skipped') AND coalesce(reason NOT IN ('superseded', 'deleted'), true);

-- Every job is updated twice: vacuum early, so that claims do not walk over dead index entries.
ALTER TABLE telegram_extractions SET (
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_analyze_scale_factor = 0.02
);

-- Jobs for these revisions and one version; revisions that are not live get none. Without `force` existing
-- jobs are left alone. With it, finished and failed ones start over, pending ones can only become more
-- urgent, and one that is being processed is left to its claim. Returns how many jobs were made or changed.
CREATE FUNCTION enqueue_telegram_extractions(
    raw_ids bigint[], version text, priority smallint, force boolean DEFAULT false, as_of timestamptz DEFAULT now()
) RETURNS integer
LANGUAGE plpgsql
SET enable_seqscan = off -- fresh tables have no statistics yet
AS $$
DECLARE
    changed integer;
BEGIN
    INSERT INTO telegram_extractions AS job
        (raw_id, pipeline_version, channel_id, posted_at, priority, not_before, enqueued_at)
    SELECT live.raw_id, enqueue_telegram_extractions.version, live.channel_id, live.posted_at,
        enqueue_telegram_extractions.priority, as_of, as_of
    FROM (SELECT DISTINCT unnest(raw_ids) AS raw_id ORDER BY raw_id) AS wanted
    JOIN live_messages AS live USING (raw_id)
    ON CONFLICT (raw_id, pipeline_version) DO UPDATE SET
        status = 'pending',
        priority = CASE job.status WHEN 'pending' THEN least(job.priority, excluded.priority)
            ELSE excluded.priority END,
        attempt = CASE job.status WHEN 'pending' THEN job.attempt ELSE 0 END,
        not_before = least(job.not_before, excluded.not_before),
        enqueued_at = CASE job.status WHEN 'pending' THEN job.enqueued_at ELSE excluded.enqueued_at END,
        result = NULL, reason = NULL, error_class = NULL, meta = '{}',
        finished_at = NULL
    WHERE force AND job.status <> 'processing'
    AND (job.status <> 'pending' OR job.priority > excluded.priority);
    GET DIAGNOSTICS changed = ROW_COUNT;
    RETURN changed;
END
$$;

-- Up to `max_jobs` due jobs of a version, most urgent lane first, then the longest due; with `raw_ids` only
-- those. Each claim counts one attempt and holds a lease of its own. Leases that expired are ended first:
-- back into the queue, or dead when that was the last attempt. `spent` is what earlier attempts cost.
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

-- A code as it is compared: case, blanks and the marks around it do not matter.
CREATE FUNCTION code_key(code text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN nullif(upper(btrim(translate(code, E' \t\r\n', ''), '#.,:;()[]*_')), '');

-- The message of this channel that a link leads to; null for any other link.
CREATE FUNCTION linked_message(link text, channel_id bigint, reference text) RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (
    SELECT CASE WHEN lower(parts[1]) IN ('c/' || channel_id, split_part(reference, '/', 2)) THEN parts[2]::bigint END
    FROM regexp_match(
        link, '(?:^|//|www\.)(?:t|telegram)\.me/(?:s/)?(c/\d+|\w+)/(?:\d+/)?(\d{1,18})(?!\d)', 'i'
    ) AS parts
);

-- Ends that the projection of their version has not taken over yet; written with the end. Apart from the jobs,
-- because a job is a wide row: to mark a million of them rewrites a gigabyte.
CREATE TABLE unprojected (
    pipeline_version text NOT NULL,
    raw_id bigint NOT NULL,
    channel_id bigint NOT NULL,
    PRIMARY KEY (pipeline_version, raw_id)
);

-- What a pipeline version found, one row a segment: several projections stand side by side, readers see the live
-- one as `assignments`. No foreign keys: rows are made from the log, which loses none, a million in one go.
CREATE TABLE projected_assignments (
    projection text NOT NULL,               -- the pipeline version whose projection this row is part of
    channel_id bigint NOT NULL,
    message_id bigint NOT NULL,
    segment integer NOT NULL,               -- 0, or the place within a compilation post
    raw_id bigint NOT NULL,                 -- the revision the row was read from
    pipeline_version text NOT NULL,         -- whose result it is; the one before's, where this one has none yet
    assignment_code text,
    code_key text GENERATED ALWAYS AS (code_key(assignment_code)) STORED,
    academic_display_text text,
    learning_mode text,
    address text[],
    postal_code text[],
    nearest_mrt text[],
    districts integer[] NOT NULL,           -- postal districts, 1 to 28
    region text,
    lesson_schedule text[],
    start_date text,                        -- as written
    rate_min numeric,                       -- Singapore dollars an hour
    rate_max numeric,
    rate_text text,
    rate_breakdown jsonb NOT NULL,          -- [{tutor_type, min, max, raw_text}] where rates differ by tutor
    additional_remarks text,
    time_availability jsonb NOT NULL,
    subjects text[] NOT NULL,
    levels text[] NOT NULL,
    streams text[] NOT NULL,
    tutor_types text[] NOT NULL,
    evidence jsonb NOT NULL,                -- {field: {confidence, span, source}}
    kind text NOT NULL,
    posted_at timestamptz NOT NULL,
    own_closing text CHECK (own_closing IN ('stated', 'taken', 'deleted', 'not_an_assignment')), -- by the post itself
    closed_by bigint,                       -- message id of the first status post that says it is taken
    status assignment_status NOT NULL GENERATED ALWAYS AS (
        CASE WHEN own_closing IS NULL AND closed_by IS NULL THEN 'open'::assignment_status
            ELSE 'closed'::assignment_status END
    ) STORED,
    updated_at timestamptz NOT NULL,        -- last projection, closing or reopening of this row
    PRIMARY KEY (channel_id, message_id, segment, projection)
);

CREATE INDEX projected_assignments_code
ON projected_assignments (projection, channel_id, code_key, posted_at, message_id) WHERE code_key IS NOT NULL;

-- Posts that stand and say that assignments are taken: messages they reply or link to, codes they name.
CREATE TABLE status_posts (
    projection text NOT NULL,
    channel_id bigint NOT NULL,
    message_id bigint NOT NULL,
    pipeline_version text NOT NULL,
    posted_at timestamptz NOT NULL,
    points bigint[] NOT NULL,
    codes text[] NOT NULL,                  -- as code_key gives them
    PRIMARY KEY (channel_id, message_id, projection)
);

CREATE INDEX status_posts_codes ON status_posts USING gin (codes);
CREATE INDEX status_posts_points ON status_posts USING gin (points);

-- The live pipeline version; one row. Null until the first process names it: the setting decides only then.
CREATE TABLE projection (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    pipeline_version text
);

INSERT INTO projection DEFAULT VALUES;

-- What readers ask: the projection of the live version. Another version is shown by one update of one row.
CREATE VIEW assignments AS
SELECT
    channel_id, message_id, segment, raw_id, pipeline_version, assignment_code, academic_display_text,
    learning_mode, address, postal_code, nearest_mrt, districts, region, lesson_schedule, start_date, rate_min,
    rate_max, rate_text, rate_breakdown, additional_remarks, time_availability, subjects, levels, streams,
    tutor_types, evidence, kind, posted_at, status,
    coalesce(own_closing, CASE WHEN closed_by IS NOT NULL THEN 'taken' END) AS closed_reason,
    CASE WHEN own_closing IS NULL THEN closed_by END AS closed_by,
    updated_at
FROM projected_assignments
WHERE projection = (SELECT pipeline_version FROM projection);

-- Messages whose recent assignments have not been looked at for duplicates since they changed.
CREATE TABLE unmatched (
    projection text NOT NULL,
    channel_id bigint NOT NULL,
    message_id bigint NOT NULL,
    PRIMARY KEY (projection, channel_id, message_id)
);

-- What two adverts of the same assignment share at least one of: a postal code, or street, level and subject.
CREATE TABLE advert_keys (
    projection text NOT NULL,
    key text NOT NULL,
    posted_at timestamptz NOT NULL,
    channel_id bigint NOT NULL,
    message_id bigint NOT NULL,
    segment integer NOT NULL,
    PRIMARY KEY (projection, key, posted_at, channel_id, message_id, segment)
);

CREATE INDEX advert_keys_message ON advert_keys (channel_id, message_id, projection);

-- Assignments of two channels that are likely the same one, and why.
CREATE TABLE duplicate_pairs (
    projection text NOT NULL,
    channel_id bigint NOT NULL,
    message_id bigint NOT NULL,
    segment integer NOT NULL,
    other_channel_id bigint NOT NULL,
    other_message_id bigint NOT NULL,
    other_segment integer NOT NULL,
    score real NOT NULL CHECK (score > 0 AND score <= 1),
    evidence jsonb NOT NULL,
    PRIMARY KEY (
        channel_id, message_id, segment, other_channel_id, other_message_id, other_segment, projection
    ),
    CHECK (channel_id < other_channel_id)
);

CREATE INDEX duplicate_pairs_other
ON duplicate_pairs (other_channel_id, other_message_id, other_segment, projection);

-- Everything that is connected by pairs; named after its first member (`5/1/0`), or numbered (`crowded/17`).
CREATE TABLE duplicate_groups (
    projection text NOT NULL,
    channel_id bigint NOT NULL,
    message_id bigint NOT NULL,
    segment integer NOT NULL,
    group_id text NOT NULL,
    PRIMARY KEY (channel_id, message_id, segment, projection)
);

CREATE INDEX duplicate_groups_group ON duplicate_groups (projection, group_id);

CREATE SEQUENCE crowded_groups;

-- Open assignments that have a likely duplicate. Nothing is hidden in `assignments` itself.
CREATE VIEW likely_duplicates AS
SELECT grouped.group_id, assignment.*
FROM assignments AS assignment
JOIN duplicate_groups AS grouped USING (channel_id, message_id, segment)
WHERE grouped.projection = (SELECT pipeline_version FROM projection) AND assignment.status = 'open';

-- Which version was live when, and by whose hand.
CREATE TABLE promotions (
    promotion_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    action text NOT NULL CHECK (action IN ('promote', 'rollback')),
    version text NOT NULL,
    previous text NOT NULL,
    fingerprint text NOT NULL,
    raw_id bigint NOT NULL                  -- the newest one then: the previous version need not know later ones
);

-- Telegram sessions by fingerprint, who holds each (one process at a time), and why one may not be used.
CREATE TABLE telegram_sessions (
    fingerprint text PRIMARY KEY,           -- of the session's key; says nothing about it
    name text NOT NULL,
    environment text NOT NULL,
    account_id bigint,
    holder text,
    lease_token uuid,
    lease_expires_at timestamptz,
    heartbeat_at timestamptz,
    parked_at timestamptz,                  -- set when Telegram refused the session for good: never retried
    parked_reason text,
    CONSTRAINT lease_has_holder CHECK (
        (lease_token IS NULL) = (lease_expires_at IS NULL) AND (lease_token IS NULL) = (holder IS NULL)
    ),
    CONSTRAINT parked_for_a_reason CHECK ((parked_at IS NULL) = (parked_reason IS NULL))
);

-- How fast each kind of call may go, shared by all processes that use the session one after the other.
CREATE TABLE call_pace (
    session text NOT NULL,
    method text NOT NULL,
    recent timestamptz[] NOT NULL,          -- ends of the calls within the pacing window
    allowed double precision NOT NULL,      -- calls per pacing window; shrinks on flood waits, recovers
    flooded_until timestamptz,              -- no call before this instant
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (session, method)
);

CREATE TYPE breaker_state AS ENUM (
    'closed',   -- calls pass; too many failures within the window open it
    'open',     -- calls are refused until the open timeout has passed
    'half_open', -- one probe at a time passes; its success closes, its failure opens again
    'stopped'   -- calls are refused until a person has put something right and resets it
);

-- Circuit breakers, obeyed by every process.
CREATE TABLE breakers (
    component text PRIMARY KEY,
    state breaker_state NOT NULL,
    failures timestamptz[] NOT NULL,        -- within the sliding window
    opened_at timestamptz,
    reason text,
    probe_token uuid,                       -- the one call that may try whether it works again
    probe_expires_at timestamptz,
    changed_at timestamptz NOT NULL,
    not_before timestamptz,                 -- no probe before this instant: the service asked for it
    CHECK ((state = 'closed') = (opened_at IS NULL))
);

-- Counters, gauges and histogram buckets by name and labels.
CREATE TABLE metrics (
    name text NOT NULL,
    labels jsonb NOT NULL,
    value double precision NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (name, labels)
);

-- Services that run outside Dagster and when they last said so.
CREATE TABLE heartbeats (
    component text PRIMARY KEY,
    holder text NOT NULL,
    at timestamptz NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}'
);

-- What the pipeline versions scored on labelled posts, one row a field; a version may be scored before it is used.
CREATE TABLE quality_scores (
    pipeline_version text NOT NULL,
    gold text NOT NULL,                     -- digest of the labelled posts: scores compare only within one
    scored_at timestamptz NOT NULL,
    field text NOT NULL,
    fingerprint text NOT NULL,              -- of the version as it was then
    posts integer NOT NULL CHECK (posts > 0),
    place smallint NOT NULL,                -- of the field in the report
    score double precision NOT NULL CHECK (score BETWEEN 0 AND 1),
    labelled integer NOT NULL CHECK (labelled >= 0),
    found integer NOT NULL CHECK (found BETWEEN 0 AND labelled),
    wrong integer NOT NULL CHECK (wrong >= 0),
    missing integer NOT NULL CHECK (missing >= 0),
    invented integer NOT NULL CHECK (invented >= 0),
    PRIMARY KEY (pipeline_version, gold, scored_at, field)
);

-- What people changed by hand.
CREATE TABLE audit (
    audit_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}'
);

-- Experiments: which posts take part, frozen once.
CREATE TABLE experiments (
    name text PRIMARY KEY,
    since timestamptz NOT NULL,
    until timestamptz NOT NULL,
    channels text[],                        -- references; null: every channel there was
    sample integer,                         -- posts chosen at random; null: all
    frozen_at timestamptz NOT NULL,
    CHECK (since < until)
);

-- Written once, at the experiment's first run: every version and every later run sees these posts.
CREATE TABLE experiment_members (
    experiment text NOT NULL REFERENCES experiments,
    raw_id bigint NOT NULL,
    PRIMARY KEY (experiment, raw_id)
);

CREATE TYPE label_source AS ENUM (
    'labelled',   -- the post was chosen without looking at what versions say: its labels give accuracy
    'adjudicated' -- the post was chosen because versions differ: its labels say who is right where they do
);

-- The right value of one field of one revision, as JSON: a list with one value for each assignment in it.
CREATE TABLE gold_labels (
    raw_id bigint NOT NULL REFERENCES telegram_messages_raw,
    field text NOT NULL,
    correct jsonb NOT NULL CHECK (jsonb_typeof(correct) = 'array'),
    source label_source NOT NULL,
    labelled_by text NOT NULL,
    labelled_at timestamptz NOT NULL,
    PRIMARY KEY (raw_id, field)
);
