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

-- Edits, of which a change of the live version looks through all: few, while the log grows for ever.
CREATE INDEX telegram_messages_raw_edited ON telegram_messages_raw (raw_id)
INCLUDE (channel_id, message_id, revision)
WHERE revision > 1 AND kind <> 'tombstone';

-- Ends by which a version has said what a text is: not those of a text that was replaced or deleted before.
CREATE VIEW said_ends AS
SELECT raw_id, pipeline_version FROM telegram_extractions
WHERE status IN ('ok', 'skipped') AND coalesce(reason NOT IN ('superseded', 'deleted'), true);
