-- name: add_audit!
INSERT INTO audit_log (audit_id, noted_at, actor, entity, entity_id, happening, detail)
VALUES (:audit_id, :noted_at, :actor, :entity, :entity_id, :happening, :detail);

-- name: list_audit
SELECT
    noted_at,
    actor,
    entity,
    entity_id,
    happening,
    detail
FROM audit_log
WHERE entity = :entity AND entity_id = :entity_id
ORDER BY noted_at, audit_id;
