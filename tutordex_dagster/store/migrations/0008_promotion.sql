-- Which version was live when, and by whose hand.
CREATE TABLE promotions (
    promotion_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    action text NOT NULL CHECK (action IN ('promote', 'rollback')),
    version text NOT NULL,
    previous text NOT NULL,
    fingerprint text NOT NULL,
    raw_id bigint NOT NULL
);
