-- name: list_people
-- Everybody, since a new application may come from somebody of an earlier cohort.
SELECT
    person_id,
    email_key,
    email,
    full_name
FROM people
ORDER BY person_id;

-- name: find_person_by_key^
SELECT
    person_id,
    email_key,
    email,
    full_name
FROM people
WHERE email_key = :email_key;

-- name: add_person!
INSERT INTO people (person_id, email_key, email, full_name, created_at)
VALUES (:person_id, :email_key, :email, :full_name, :at);

-- name: rename_person!
UPDATE people
SET email = :email, full_name = :full_name
WHERE person_id = :person_id AND erased_at IS NULL;

-- name: erase_person!
UPDATE people
SET email_key = NULL, email = NULL, full_name = NULL, erased_at = :at
WHERE person_id = :person_id AND erased_at IS NULL;

-- name: list_unfinished_erasures
-- Erased on request, by a command that has not removed everything else yet; once for each time it was begun.
SELECT
    people.person_id,
    audit_log.detail
FROM people
INNER JOIN audit_log ON people.person_id = audit_log.entity_id
WHERE
    audit_log.entity = 'person'
    AND audit_log.happening = 'begin_erasure'
    AND people.erased_at IS NOT NULL
    AND NOT EXISTS (
        SELECT 1
        FROM audit_log AS later
        WHERE
            later.entity = 'person'
            AND later.entity_id = people.person_id
            AND later.happening = 'finish_erasure'
    )
ORDER BY people.person_id, audit_log.noted_at;

-- name: list_cohorts_of_people
-- Everybody of this cohort who is not erased, with each other cohort of theirs that still keeps personal data: a row
-- without one for whoever has none.
SELECT DISTINCT
    here.person_id,
    cohorts.cohort_id
FROM applications AS here
INNER JOIN people ON here.person_id = people.person_id
LEFT JOIN
    applications AS elsewhere
    ON here.person_id = elsewhere.person_id AND here.cohort_id <> elsewhere.cohort_id
LEFT JOIN cohorts ON elsewhere.cohort_id = cohorts.cohort_id AND cohorts.anonymised_at IS NULL
WHERE
    here.cohort_id = :cohort_id
    AND people.erased_at IS NULL
ORDER BY here.person_id, cohorts.cohort_id;

-- name: list_forgotten_responses
SELECT response_key
FROM forgotten_responses;

-- name: forget_responses!
-- The form's sheet is not ours to change: without this memory an erased person's rows would come in again. An edited
-- response that asked to leave is known by its request.
INSERT INTO forgotten_responses (response_key)
SELECT applications.response_key
FROM applications
WHERE applications.person_id = :person_id AND applications.answers <> '{}'
UNION
SELECT requests.response_key
FROM requests
INNER JOIN applications ON requests.application_id = applications.application_id
WHERE applications.person_id = :person_id
ON CONFLICT (response_key) DO NOTHING;

-- name: forget_unreachable_responses!
INSERT INTO forgotten_responses (response_key)
SELECT applications.response_key
FROM applications
WHERE applications.cohort_id = :cohort_id AND applications.person_id IS NULL AND applications.answers <> '{}'
ON CONFLICT (response_key) DO NOTHING;

-- name: forget_unplaced_responses!
INSERT INTO forgotten_responses (response_key)
SELECT unplaced_responses.response_key
FROM unplaced_responses
WHERE unplaced_responses.cohort_id = :cohort_id
ON CONFLICT (response_key) DO NOTHING;

-- name: remove_unplaced_responses!
DELETE FROM unplaced_responses
WHERE cohort_id = :cohort_id;
