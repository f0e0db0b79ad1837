-- name: one_snapshot
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;

-- name: count
SELECT
    (SELECT count(*) FROM telegram_extractions WHERE pipeline_version = %(version)s) AS extractions,
    (SELECT count(*) FROM telegram_extractions WHERE pipeline_version = %(version)s AND status = 'processing')
        AS held,
    (SELECT count(*) FROM projected_assignments WHERE projection = %(version)s) AS rows;

-- name: extractions
SELECT
    raw_id, pipeline_version, channel_id, posted_at, status::text, priority, attempt, result::text, reason,
    error_class, meta::text, enqueued_at, finished_at
FROM telegram_extractions
WHERE pipeline_version = %(version)s;

-- name: delete_extractions
DELETE FROM telegram_extractions WHERE pipeline_version = %(version)s;

-- name: delete_unprojected
DELETE FROM unprojected WHERE pipeline_version = %(version)s;

-- name: delete_unmatched
DELETE FROM unmatched WHERE projection = %(version)s;

-- name: delete_keys
DELETE FROM advert_keys WHERE projection = %(version)s;

-- name: delete_pairs
DELETE FROM duplicate_pairs WHERE projection = %(version)s;

-- name: delete_groups
DELETE FROM duplicate_groups WHERE projection = %(version)s;

-- name: delete_rows
DELETE FROM projected_assignments WHERE projection = %(version)s;

-- name: delete_posts
DELETE FROM status_posts WHERE projection = %(version)s;
