-- Likely duplicates across agencies: pairs with score and evidence, and the groups they form.

CREATE TABLE unmatched (
    projection text NOT NULL,
    channel_id bigint NOT NULL,
    message_id bigint NOT NULL,
    PRIMARY KEY (projection, channel_id, message_id)
);

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

CREATE VIEW likely_duplicates AS
SELECT grouped.group_id, assignment.*
FROM assignments AS assignment
JOIN duplicate_groups AS grouped USING (channel_id, message_id, segment)
WHERE grouped.projection = (SELECT pipeline_version FROM projection) AND assignment.status = 'open';
