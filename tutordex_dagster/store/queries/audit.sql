-- name: append
INSERT INTO audit (at, actor, action, detail) VALUES (%(at)s, %(actor)s, %(action)s, %(detail)s);
