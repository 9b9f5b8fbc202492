-- name: list_matches
SELECT
    match_id,
    mentor_application_id,
    seat,
    mentee_application_id,
    points,
    explanation,
    is_rematch,
    is_held,
    state,
    proposed_at,
    decided_by,
    introduced_at,
    ended_at,
    reason
FROM matches
WHERE cohort_id = :cohort_id
ORDER BY match_id;

-- name: propose_match!
INSERT INTO matches (
    match_id, cohort_id, mentor_application_id, seat, mentee_application_id, points, explanation, is_rematch,
    state, previous_state, proposed_at
)
VALUES (
    :match_id, :cohort_id, :mentor_application_id, :seat, :mentee_application_id, :points, :explanation, :is_rematch,
    'proposed', 'start', :at
);

-- name: explain_match!
UPDATE matches
SET points = :points, explanation = :explanation
WHERE match_id = :match_id AND state = 'proposed';

-- name: hold_match!
UPDATE matches
SET is_held = :is_held, decided_by = :decided_by, decided_at = :at
WHERE match_id = :match_id AND state = 'proposed';

-- name: approve_match!
UPDATE matches
SET
    previous_state = state,
    state = 'approved',
    is_held = 0,
    decided_by = :decided_by,
    decided_at = :at,
    approved_at = :at
WHERE match_id = :match_id AND state = 'proposed';

-- name: reject_match!
UPDATE matches
SET
    previous_state = state,
    state = 'rejected',
    is_held = 0,
    reason = :reason,
    decided_by = COALESCE(:decided_by, decided_by),
    decided_at = :at
WHERE match_id = :match_id AND state = :before AND state IN ('proposed', 'approved');

-- name: activate_match!
UPDATE matches
SET previous_state = state, state = 'active', introduced_at = :at
WHERE match_id = :match_id AND state = 'approved';

-- name: end_match!
UPDATE matches
SET previous_state = state, state = 'ended', ended_at = :at, reason = :reason
WHERE match_id = :match_id AND state = 'active';

-- name: list_explanations_about
-- The matches of a person, with reasons that quote both applications.
SELECT
    match_id,
    explanation
FROM matches
WHERE
    match_id IN (
        SELECT match_id FROM matches_of_people
        WHERE person_id = :person_id
    );

-- name: keep_match_points!
UPDATE matches
SET explanation = :explanation
WHERE match_id = :match_id AND explanation <> :explanation;

-- name: list_earlier_pairs
-- Who was introduced to whom in other cohorts, as people.
SELECT DISTINCT
    mentors.person_id AS mentor_person_id,
    mentees.person_id AS mentee_person_id
FROM matches
INNER JOIN applications AS mentors ON matches.mentor_application_id = mentors.application_id
INNER JOIN applications AS mentees ON matches.mentee_application_id = mentees.application_id
WHERE matches.cohort_id <> :cohort_id AND matches.introduced_at IS NOT NULL;

-- name: list_waiting_before
-- Accepted mentees of other cohorts who got no mentor, or one who never got in touch, and none since: with the earliest
-- day they came.
WITH mentored AS (
    SELECT
        mentees.person_id,
        mentees.received_at
    FROM matches
    INNER JOIN applications AS mentees ON matches.mentee_application_id = mentees.application_id
    LEFT JOIN matches_without_contact ON matches.match_id = matches_without_contact.match_id
    WHERE
        matches.cohort_id <> :cohort_id
        AND matches.introduced_at IS NOT NULL
        AND matches_without_contact.match_id IS NULL
)

SELECT
    applications.person_id,
    MIN(applications.received_at) AS received_at
FROM applications
WHERE
    applications.cohort_id <> :cohort_id
    AND applications.applicant_role = 'mentee'
    AND applications.state = 'accepted'
    AND NOT EXISTS (
        SELECT 1
        FROM mentored
        WHERE
            mentored.person_id = applications.person_id
            AND mentored.received_at >= applications.received_at
    )
GROUP BY applications.person_id;
