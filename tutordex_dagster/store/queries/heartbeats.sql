-- name: beat
INSERT INTO heartbeats AS known (component, holder, at, detail)
VALUES (%(component)s, %(holder)s, %(at)s, %(detail)s)
ON CONFLICT (component) DO UPDATE SET holder = excluded.holder, at = excluded.at, detail = excluded.detail;

-- name: all
SELECT component, holder, at, detail FROM heartbeats ORDER BY component;
