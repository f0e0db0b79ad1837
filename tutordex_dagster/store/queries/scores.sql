-- name: add
INSERT INTO quality_scores (
    pipeline_version, gold, scored_at, field, fingerprint, posts, place,
    score, labelled, found, wrong, missing, invented
)
SELECT
    %(version)s, %(gold)s, %(scored_at)s, each.field, %(fingerprint)s, %(posts)s, place,
    each.score, each.labelled, each.found, each.wrong, each.missing, each.invented
FROM ROWS FROM (
    jsonb_to_recordset(%(fields)s) AS (
        field text, score double precision, labelled integer, found integer, wrong integer, missing integer,
        invented integer
    )
) WITH ORDINALITY AS each (field, score, labelled, found, wrong, missing, invented, place);

-- name: cards
SELECT
    pipeline_version AS version, fingerprint, gold, scored_at, posts,
    jsonb_agg(jsonb_build_object(
        'field', field, 'score', score, 'labelled', labelled, 'found', found,
        'wrong', wrong, 'missing', missing, 'invented', invented
    ) ORDER BY place) AS fields
FROM quality_scores
WHERE pipeline_version = ANY(%(versions)s) AND gold = %(gold)s
GROUP BY pipeline_version, fingerprint, gold, scored_at, posts
ORDER BY scored_at, pipeline_version;

-- name: scored
SELECT DISTINCT pipeline_version AS version, fingerprint, gold FROM quality_scores;
