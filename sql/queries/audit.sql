-- name: add_audit!
INSERT INTO audit_log (audit_id, noted_at, actor, entity, entity_id, happening, detail)
VALUES (:audit_id, :noted_at, :actor, :entity, :entity_id, :happening, :detail);

-- name: list_decisions
-- What happened to the cohort's matches and requests, from the first to the last; no personal text.
SELECT
    noted_at,
    entity,
    entity_id,
    happening,
    detail
FROM audit_log
WHERE
    (
        entity = 'match'
        AND entity_id IN (
            SELECT match_id FROM matches
            WHERE cohort_id = :cohort_id
        )
    )
    OR (
        entity = 'request'
        AND entity_id IN (
            SELECT request_id FROM requests
            WHERE cohort_id = :cohort_id
        )
    )
ORDER BY noted_at, audit_id;
