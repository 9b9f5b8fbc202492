-- name: list_requests
SELECT
    request_id,
    response_key,
    received_at,
    application_id,
    match_id,
    kind,
    wants_rematch,
    words,
    problem,
    decided_by,
    state,
    paused_until
FROM requests
WHERE cohort_id = :cohort_id
ORDER BY request_id;

-- name: add_request!
INSERT INTO requests (
    request_id, cohort_id, response_key, received_at, application_id, match_id, kind, wants_rematch, words, problem,
    paused_until, state, previous_state
)
VALUES (
    :request_id, :cohort_id, :response_key, :received_at, :application_id, :match_id, :kind, :wants_rematch, :words,
    :problem, :paused_until, 'received', 'start'
);

-- name: decide_request!
UPDATE requests
SET previous_state = state, state = :state, decided_by = :decided_by, decided_at = :at
WHERE request_id = :request_id AND state = :before;

-- name: finish_request!
UPDATE requests
SET previous_state = state, state = 'done'
WHERE request_id = :request_id AND state = 'confirmed';

-- name: list_check_ins
SELECT
    response_key,
    match_id,
    application_id,
    answered_at,
    signal,
    contacts,
    words,
    rhythm,
    fallback
FROM check_ins
WHERE cohort_id = :cohort_id
ORDER BY answered_at, response_key;

-- name: add_check_in!
INSERT INTO check_ins (
    response_key, cohort_id, match_id, application_id, answered_at, signal, contacts, words, rhythm, fallback
)
VALUES (
    :response_key, :cohort_id, :match_id, :application_id, :answered_at, :signal, :contacts, :words, :rhythm, :fallback
)
ON CONFLICT (response_key) DO NOTHING;

-- name: list_evaluations
SELECT
    match_id,
    application_id,
    response_key,
    answered_at,
    answers
FROM evaluations
WHERE cohort_id = :cohort_id
ORDER BY match_id, application_id;

-- name: put_evaluation!
INSERT INTO evaluations (match_id, application_id, cohort_id, response_key, answered_at, answers)
VALUES (:match_id, :application_id, :cohort_id, :response_key, :answered_at, :answers)
ON CONFLICT (match_id, application_id) DO UPDATE
    SET
        response_key = excluded.response_key,
        answered_at = excluded.answered_at,
        answers = excluded.answers;

-- name: list_unplaced_responses
SELECT
    response_key,
    form,
    sheet_row,
    problem
FROM unplaced_responses
WHERE cohort_id = :cohort_id
ORDER BY noted_at, response_key;

-- name: add_unplaced_response!
INSERT INTO unplaced_responses (response_key, cohort_id, form, sheet_row, problem, noted_at)
VALUES (:response_key, :cohort_id, :form, :sheet_row, :problem, :at);

-- name: forget_request_words!
-- Of the person, and of a partner about the match with the person.
UPDATE requests
SET words = ''
WHERE
    words <> ''
    AND (
        application_id IN (
            SELECT application_id FROM applications
            WHERE person_id = :person_id
        )
        OR match_id IN (
            SELECT match_id FROM matches_of_people
            WHERE person_id = :person_id
        )
    );

-- name: forget_check_in_words!
UPDATE check_ins
SET words = '', fallback = ''
WHERE
    (words <> '' OR fallback <> '')
    AND match_id IN (
        SELECT match_id FROM matches_of_people
        WHERE person_id = :person_id
    );

-- name: keep_evaluation_answers!
UPDATE evaluations
SET answers = :answers
WHERE match_id = :match_id AND application_id = :application_id;

-- name: list_evaluations_about
-- Both sides' evaluations of the person's matches.
SELECT
    match_id,
    application_id,
    answers
FROM evaluations
WHERE match_id IN (
    SELECT match_id FROM matches_of_people
    WHERE person_id = :person_id
);
