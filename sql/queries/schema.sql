-- name: list_schema_parts
SELECT
    part,
    digest
FROM schema_parts;

-- name: put_schema_part!
INSERT INTO schema_parts (part, digest)
VALUES (:part, :digest)
ON CONFLICT (part) DO UPDATE
    SET digest = excluded.digest;
