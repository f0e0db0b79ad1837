-- name: add
-- In order of the key, so that two writers of the same rows never wait for each other in a circle.
INSERT INTO metrics AS known (name, labels, value, updated_at)
SELECT name, labels, value, %(at)s
FROM unnest(%(names)s::text[], %(labels)s::jsonb[], %(values)s::double precision[]) AS added (name, labels, value)
ORDER BY name, labels
ON CONFLICT (name, labels) DO UPDATE SET
    value = known.value + excluded.value,
    updated_at = greatest(known.updated_at, excluded.updated_at);

-- name: set
INSERT INTO metrics AS known (name, labels, value, updated_at)
VALUES (%(name)s, %(labels)s, %(value)s, %(at)s)
ON CONFLICT (name, labels) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at
WHERE known.updated_at <= excluded.updated_at;

-- name: all
SELECT name, labels, value, updated_at FROM metrics ORDER BY name, labels;
