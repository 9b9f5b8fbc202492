-- name: add_audit!
INSERT INTO audit_log (audit_id, noted_at, actor, entity, entity_id, happening, detail)
VALUES (:audit_id, :noted_at, :actor, :entity, :entity_id, :happening, :detail);
