-- name: register
INSERT INTO pipeline_versions AS known (name, fingerprint, spec)
VALUES (%(name)s, %(fingerprint)s, %(spec)s)
ON CONFLICT (name) DO UPDATE SET name = known.name
RETURNING fingerprint;

-- name: all
SELECT name, fingerprint, spec, registered_at FROM pipeline_versions ORDER BY name;
