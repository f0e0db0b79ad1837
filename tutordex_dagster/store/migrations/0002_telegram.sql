-- Following channels on Telegram: cursors, sessions, pacing, breakers, windows being read, metrics.

ALTER TABLE channels
    ADD COLUMN cursor bigint,
    ADD COLUMN cursor_at timestamptz,
    ADD COLUMN member boolean,
    ADD COLUMN problem text,
    ADD COLUMN problem_at timestamptz,
    ADD CONSTRAINT cursor_has_time CHECK ((cursor IS NULL) = (cursor_at IS NULL)),
    ADD CONSTRAINT problem_has_time CHECK ((problem IS NULL) = (problem_at IS NULL));

CREATE TABLE channel_access (
    account_id bigint NOT NULL,
    channel_id bigint NOT NULL REFERENCES channels,
    access_hash bigint NOT NULL,
    PRIMARY KEY (account_id, channel_id)
);

CREATE TABLE wanted_channels (
    reference text PRIMARY KEY,
    problem text NOT NULL,
    checked_at timestamptz NOT NULL
);

CREATE TABLE unseen_deletions (
    channel_id bigint NOT NULL REFERENCES channels,
    message_id bigint NOT NULL,
    observed_at timestamptz NOT NULL,
    PRIMARY KEY (channel_id, message_id)
);

ALTER TABLE channel_hours ADD COLUMN reread_at timestamptz, ADD COLUMN shown_at timestamptz;

CREATE INDEX channel_hours_unsettled ON channel_hours (channel_id, hour)
WHERE state <> 'sealed' OR reported_at IS NULL OR reported_at < changed_at;

CREATE INDEX channel_hours_reread ON channel_hours (channel_id, reread_at) WHERE reread_at IS NOT NULL;

CREATE TABLE history_windows (
    channel_id bigint NOT NULL REFERENCES channels,
    since timestamptz NOT NULL CHECK (since = hour_of(since)),
    until timestamptz NOT NULL CHECK (until = hour_of(until)),
    began_at timestamptz NOT NULL,
    lease_token uuid,
    lease_expires_at timestamptz,
    PRIMARY KEY (channel_id, since, until),
    CHECK (since < until),
    CHECK ((lease_token IS NULL) = (lease_expires_at IS NULL))
);

CREATE TABLE telegram_sessions (
    fingerprint text PRIMARY KEY,
    name text NOT NULL,
    environment text NOT NULL,
    account_id bigint,
    holder text,
    lease_token uuid,
    lease_expires_at timestamptz,
    heartbeat_at timestamptz,
    parked_at timestamptz,
    parked_reason text,
    CONSTRAINT lease_has_holder CHECK (
        (lease_token IS NULL) = (lease_expires_at IS NULL) AND (lease_token IS NULL) = (holder IS NULL)
    ),
    CONSTRAINT parked_for_a_reason CHECK ((parked_at IS NULL) = (parked_reason IS NULL))
);

CREATE TABLE call_pace (
    session text NOT NULL,
    method text NOT NULL,
    recent timestamptz[] NOT NULL,
    allowed double precision NOT NULL,
    flooded_until timestamptz,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (session, method)
);

CREATE TYPE breaker_state AS ENUM (
    'closed',   -- calls pass; too many failures within the window open it
    'open',     -- calls are refused until the open timeout has passed
    'half_open' -- one probe at a time passes; its success closes, its failure opens again
);

CREATE TABLE breakers (
    component text PRIMARY KEY,
    state breaker_state NOT NULL,
    failures timestamptz[] NOT NULL,
    opened_at timestamptz,
    reason text,
    probe_token uuid,
    probe_expires_at timestamptz,
    changed_at timestamptz NOT NULL,
    CHECK ((state = 'closed') = (opened_at IS NULL))
);

CREATE TABLE metrics (
    name text NOT NULL,
    labels jsonb NOT NULL,
    value double precision NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (name, labels)
);

CREATE TABLE heartbeats (
    component text PRIMARY KEY,
    holder text NOT NULL,
    at timestamptz NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}'
);

CREATE TABLE audit (
    audit_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}'
);
