-- Experiments: which posts take part, frozen once, and what people say is right about posts.

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
