-- name: list_pauses
SELECT
    pause_id,
    match_id,
    request_id,
    began_at,
    paused_until,
    ended_at,
    state
FROM pauses
WHERE cohort_id = :cohort_id
ORDER BY pause_id;

-- name: pause_match!
INSERT INTO pauses (
    pause_id, cohort_id, match_id, request_id, began_at, paused_until, match_state, state, previous_state
)
VALUES (:pause_id, :cohort_id, :match_id, :request_id, :at, :paused_until, 'active', 'running', 'start');

-- name: lengthen_pause!
UPDATE pauses
SET paused_until = :paused_until
WHERE pause_id = :pause_id AND match_id = :match_id AND state = 'running';

-- name: resume_match!
UPDATE pauses
SET previous_state = state, state = :state, match_state = NULL, ended_at = :at
WHERE pause_id = :pause_id AND match_id = :match_id AND state = 'running';

-- name: end_pause!
UPDATE pauses
SET previous_state = state, state = 'ended', match_state = NULL, ended_at = :at
WHERE pause_id = :pause_id AND match_id = :match_id AND state = 'running';
