-- name: list_applications
SELECT
    applications.application_id,
    applications.applicant_role,
    applications.person_id,
    people.full_name,
    people.email,
    applications.response_key,
    applications.sheet_row,
    applications.received_at,
    applications.is_late,
    applications.answers,
    applications.faults,
    applications.reason,
    applications.revision,
    applications.state
FROM applications
LEFT JOIN people ON applications.person_id = people.person_id
WHERE applications.cohort_id = :cohort_id
ORDER BY applications.application_id;

-- name: add_application!
INSERT INTO applications (
    application_id, cohort_id, applicant_role, person_id, response_key, sheet_row, received_at, is_late, answers,
    state, previous_state, changed_at
)
VALUES (
    :application_id, :cohort_id, :applicant_role, :person_id, :response_key, :sheet_row, :received_at, :is_late,
    :answers, 'received', 'start', :at
);

-- name: revise_application!
UPDATE applications
SET
    person_id = :person_id,
    response_key = :response_key,
    sheet_row = :sheet_row,
    received_at = :received_at,
    is_late = :is_late,
    answers = :answers,
    revision = revision + 1,
    previous_state = state,
    state = 'received',
    changed_at = :at
WHERE application_id = :application_id AND state = :before;

-- name: settle_application!
UPDATE applications
SET previous_state = state, state = :state, faults = :faults, reason = :reason, changed_at = :at
WHERE application_id = :application_id AND state = :before;

-- name: add_seat!
INSERT INTO mentor_seats (application_id, seat)
VALUES (:application_id, :seat)
ON CONFLICT (application_id, seat) DO NOTHING;

-- name: remove_seats!
DELETE FROM mentor_seats
WHERE
    application_id = :application_id
    AND seat > :capacity
    AND NOT EXISTS (
        SELECT 1
        FROM matches
        WHERE
            matches.mentor_application_id = mentor_seats.application_id
            AND matches.seat = mentor_seats.seat
    );

-- name: forget_application_answers!
UPDATE applications
SET answers = '{}', faults = '[]', response_key = application_id
WHERE person_id = :person_id AND answers <> '{}';

-- name: forget_unreachable_applications!
-- Applications whose address could not be read have no person, and would otherwise keep their text for ever.
UPDATE applications
SET answers = '{}', faults = '[]', response_key = application_id
WHERE cohort_id = :cohort_id AND person_id IS NULL AND answers <> '{}';
