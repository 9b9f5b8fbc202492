-- Two more kinds of request, and the day until which somebody would like to pause. SQLite can't change a constraint, so
-- the table is made anew, under its own name, so that its rules keep theirs; the view on it comes back with the views.
DROP VIEW IF EXISTS cohort_standing;

CREATE TABLE requests_before AS
SELECT
    request_id,
    cohort_id,
    response_key,
    received_at,
    application_id,
    match_id,
    kind,
    wants_rematch,
    words,
    problem,
    decided_by,
    decided_at,
    state,
    previous_state
FROM requests;

DROP TABLE requests;

CREATE TABLE requests (
    request_id TEXT PRIMARY KEY,
    cohort_id TEXT NOT NULL REFERENCES cohorts (cohort_id),
    response_key TEXT NOT NULL UNIQUE,
    received_at TEXT NOT NULL,
    application_id TEXT REFERENCES applications (application_id),
    match_id TEXT REFERENCES matches (match_id),
    kind TEXT NOT NULL,
    wants_rematch INTEGER NOT NULL,
    words TEXT NOT NULL DEFAULT '',
    problem TEXT NOT NULL DEFAULT '',
    decided_by TEXT,
    decided_at TEXT,
    state TEXT NOT NULL,
    previous_state TEXT NOT NULL,
    paused_until TEXT,
    CONSTRAINT requests_move_as_allowed FOREIGN KEY (previous_state, state)
    REFERENCES request_transitions (previous_state, state),
    CONSTRAINT requests_are_of_a_known_kind CHECK (kind IN ('withdrawn', 'not_working_out', 'paused', 'resumed')),
    CONSTRAINT wants_rematch_is_yes_or_no CHECK (wants_rematch IN (0, 1)),
    CONSTRAINT decided_requests_name_who_decided CHECK (
        state NOT IN ('confirmed', 'declined', 'done') OR decided_by IS NOT NULL
    ),
    CONSTRAINT confirmed_requests_have_an_applicant CHECK (
        state NOT IN ('confirmed', 'done') OR application_id IS NOT NULL
    ),
    CONSTRAINT only_pauses_have_a_day CHECK (
        paused_until IS NULL OR (kind = 'paused' AND paused_until LIKE '____-__-__')
    )
);

INSERT INTO requests (
    request_id, cohort_id, response_key, received_at, application_id, match_id, kind, wants_rematch, words, problem,
    decided_by, decided_at, state, previous_state
)
SELECT
    request_id,
    cohort_id,
    response_key,
    received_at,
    application_id,
    match_id,
    kind,
    wants_rematch,
    words,
    problem,
    decided_by,
    decided_at,
    state,
    previous_state
FROM requests_before;

DROP TABLE requests_before;

-- The moves that mentoring/states.py allows. (previous_state, state) refers to it, so any other move is refused.
CREATE TABLE pause_transitions (
    previous_state TEXT NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (previous_state, state)
);
INSERT INTO pause_transitions (previous_state, state) VALUES
('start', 'running'),
('running', 'elapsed'),
('running', 'ended'),
('running', 'resumed');

-- So that a pause can refer to a match in a state.
CREATE UNIQUE INDEX matches_with_their_state ON matches (match_id, state);

-- A match that rests for a while and stays active. While the pause runs, match_state holds the match at 'active': who
-- ends the match has to end its pause first.
CREATE TABLE pauses (
    pause_id TEXT PRIMARY KEY,
    cohort_id TEXT NOT NULL REFERENCES cohorts (cohort_id),
    match_id TEXT NOT NULL REFERENCES matches (match_id),
    request_id TEXT NOT NULL REFERENCES requests (request_id),
    began_at TEXT NOT NULL,
    paused_until TEXT NOT NULL,
    ended_at TEXT,
    match_state TEXT,
    state TEXT NOT NULL,
    previous_state TEXT NOT NULL,
    CONSTRAINT pauses_move_as_allowed FOREIGN KEY (previous_state, state)
    REFERENCES pause_transitions (previous_state, state),
    CONSTRAINT pauses_are_of_active_matches FOREIGN KEY (match_id, match_state) REFERENCES matches (match_id, state),
    CONSTRAINT running_pauses_hold_their_match CHECK (
        (state = 'running' AND COALESCE(match_state, '') = 'active') OR (state <> 'running' AND match_state IS NULL)
    ),
    CONSTRAINT pauses_that_are_over_have_an_end CHECK ((state = 'running') = (ended_at IS NULL)),
    CONSTRAINT pauses_end_after_they_began CHECK (ended_at >= began_at),
    CONSTRAINT days_of_pauses_sort_as_text CHECK (paused_until LIKE '____-__-__')
);
CREATE UNIQUE INDEX one_running_pause_per_match ON pauses (match_id)
WHERE state = 'running';
