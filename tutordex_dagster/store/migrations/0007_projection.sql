-- One projection a pipeline version, side by side; `assignments` is the view of the live one. Status posts close
-- the assignments they name, and what a row says beside the text: tiers, districts, region, evidence.

-- Projections are made of extractions, and can be made again.
DROP TABLE assignments;
ALTER TABLE telegram_extractions DROP COLUMN projected_at;

CREATE TABLE unprojected (
    pipeline_version text NOT NULL,
    raw_id bigint NOT NULL,
    channel_id bigint NOT NULL,
    PRIMARY KEY (pipeline_version, raw_id)
);

INSERT INTO unprojected
SELECT pipeline_version, raw_id, channel_id FROM telegram_extractions WHERE status IN ('ok', 'skipped');


CREATE OR REPLACE FUNCTION enqueue_telegram_extractions(
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

CREATE FUNCTION code_key(code text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN nullif(upper(btrim(translate(code, E' \t\r\n', ''), '#.,:;()[]*_')), '');

CREATE FUNCTION linked_message(link text, channel_id bigint, reference text) RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (
    SELECT CASE WHEN lower(parts[1]) IN ('c/' || channel_id, split_part(reference, '/', 2)) THEN parts[2]::bigint END
    FROM regexp_match(
        link, '(?:^|//|www\.)(?:t|telegram)\.me/(?:s/)?(c/\d+|\w+)/(?:\d+/)?(\d{1,18})(?!\d)', 'i'
    ) AS parts
);

CREATE TABLE projected_assignments (
    projection text NOT NULL,
    channel_id bigint NOT NULL,
    message_id bigint NOT NULL,
    segment integer NOT NULL,
    raw_id bigint NOT NULL,
    pipeline_version text NOT NULL,
    assignment_code text,
    code_key text GENERATED ALWAYS AS (code_key(assignment_code)) STORED,
    academic_display_text text,
    learning_mode text,
    address text[],
    postal_code text[],
    nearest_mrt text[],
    districts integer[] NOT NULL,
    region text,
    lesson_schedule text[],
    start_date text,
    rate_min numeric,
    rate_max numeric,
    rate_text text,
    rate_breakdown jsonb NOT NULL,
    additional_remarks text,
    time_availability jsonb NOT NULL,
    subjects text[] NOT NULL,
    levels text[] NOT NULL,
    streams text[] NOT NULL,
    tutor_types text[] NOT NULL,
    evidence jsonb NOT NULL,
    kind text NOT NULL,
    posted_at timestamptz NOT NULL,
    own_closing text CHECK (own_closing IN ('stated', 'taken', 'deleted', 'not_an_assignment')),
    closed_by bigint,
    status assignment_status NOT NULL GENERATED ALWAYS AS (
        CASE WHEN own_closing IS NULL AND closed_by IS NULL THEN 'open'::assignment_status
            ELSE 'closed'::assignment_status END
    ) STORED,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (channel_id, message_id, segment, projection)
);

CREATE INDEX projected_assignments_code
ON projected_assignments (projection, channel_id, code_key, posted_at, message_id) WHERE code_key IS NOT NULL;

CREATE TABLE status_posts (
    projection text NOT NULL,
    channel_id bigint NOT NULL,
    message_id bigint NOT NULL,
    pipeline_version text NOT NULL,
    posted_at timestamptz NOT NULL,
    points bigint[] NOT NULL,
    codes text[] NOT NULL,
    PRIMARY KEY (channel_id, message_id, projection)
);

CREATE INDEX status_posts_codes ON status_posts USING gin (codes);
CREATE INDEX status_posts_points ON status_posts USING gin (points);

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
