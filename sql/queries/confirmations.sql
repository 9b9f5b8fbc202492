-- name: list_confirmations
SELECT
    response_key,
    application_id,
    person_id,
    means,
    code,
    CASE WHEN revoked_at IS NULL THEN 0 ELSE 1 END AS is_revoked
FROM confirmations
WHERE cohort_id = :cohort_id
ORDER BY confirmed_at, response_key;

-- name: add_confirmation!
-- Whatever stands in the way (the same response, a used code, another confirmation in force): the first one counts.
INSERT INTO confirmations (response_key, cohort_id, application_id, person_id, means, code, confirmed_at)
VALUES (:response_key, :cohort_id, :application_id, :person_id, :means, :code, :at)
ON CONFLICT DO NOTHING;

-- name: revoke_confirmation!
UPDATE confirmations
SET revoked_at = :at
WHERE application_id = :application_id AND revoked_at IS NULL;

-- name: forget_confirming_responses!
-- The forms' sheet is not ours to change: an erased person's row there must not be told to the committee later.
INSERT INTO forgotten_responses (response_key)
SELECT confirmations.response_key
FROM confirmations
WHERE confirmations.person_id = :person_id
ON CONFLICT (response_key) DO NOTHING;

-- name: remove_confirmations!
DELETE FROM confirmations
WHERE person_id = :person_id;
