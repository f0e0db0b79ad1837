-- What the pipeline versions scored on labelled posts.

CREATE TABLE quality_scores (
    pipeline_version text NOT NULL,
    gold text NOT NULL,
    scored_at timestamptz NOT NULL,
    field text NOT NULL,
    fingerprint text NOT NULL,
    posts integer NOT NULL CHECK (posts > 0),
    place smallint NOT NULL,
    score double precision NOT NULL CHECK (score BETWEEN 0 AND 1),
    labelled integer NOT NULL CHECK (labelled >= 0),
    found integer NOT NULL CHECK (found BETWEEN 0 AND labelled),
    wrong integer NOT NULL CHECK (wrong >= 0),
    missing integer NOT NULL CHECK (missing >= 0),
    invented integer NOT NULL CHECK (invented >= 0),
    PRIMARY KEY (pipeline_version, gold, scored_at, field)
);
