-- The moves that mentoring/states.py allows. (previous_state, state) refers to it, so any other move is refused.
CREATE TABLE request_transitions (
    previous_state TEXT NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (previous_state, state)
);
INSERT INTO request_transitions (previous_state, state) VALUES
('start', 'received'),
('received', 'confirmed'),
('received', 'declined'),
('received', 'unclear'),
('unclear', 'confirmed'),
('unclear', 'declined'),
('confirmed', 'done');

-- Somebody can't go on, or a match does not work out. The committee confirms or declines.
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
    CONSTRAINT requests_move_as_allowed FOREIGN KEY (previous_state, state)
    REFERENCES request_transitions (previous_state, state),
    CONSTRAINT requests_are_of_a_known_kind CHECK (kind IN ('withdrawn', 'not_working_out')),
    CONSTRAINT wants_rematch_is_yes_or_no CHECK (wants_rematch IN (0, 1)),
    CONSTRAINT decided_requests_name_who_decided CHECK (
        state NOT IN ('confirmed', 'declined', 'done') OR decided_by IS NOT NULL
    ),
    CONSTRAINT confirmed_requests_have_an_applicant CHECK (
        state NOT IN ('confirmed', 'done') OR application_id IS NOT NULL
    )
);

-- One answer to a check-in.
CREATE TABLE check_ins (
    response_key TEXT PRIMARY KEY,
    cohort_id TEXT NOT NULL REFERENCES cohorts (cohort_id),
    match_id TEXT NOT NULL REFERENCES matches (match_id),
    application_id TEXT NOT NULL REFERENCES applications (application_id),
    answered_at TEXT NOT NULL,
    signal TEXT NOT NULL,
    contacts INTEGER,
    words TEXT NOT NULL DEFAULT '',
    CONSTRAINT signals_are_known CHECK (signal IN ('connected', 'not_yet', 'partner_missing', 'want_to_talk')),
    CONSTRAINT contacts_count_from_zero CHECK (contacts >= 0)
);
CREATE INDEX check_ins_by_match ON check_ins (match_id);

-- One person's evaluation of one match; a later answer replaces the earlier one.
CREATE TABLE evaluations (
    match_id TEXT NOT NULL REFERENCES matches (match_id),
    application_id TEXT NOT NULL REFERENCES applications (application_id),
    cohort_id TEXT NOT NULL REFERENCES cohorts (cohort_id),
    response_key TEXT NOT NULL,
    answered_at TEXT NOT NULL,
    answers TEXT NOT NULL,
    PRIMARY KEY (match_id, application_id)
);

-- A response that belongs to nobody we know, or could not be read: a person looks at it.
CREATE TABLE unplaced_responses (
    response_key TEXT PRIMARY KEY,
    cohort_id TEXT NOT NULL REFERENCES cohorts (cohort_id),
    form TEXT NOT NULL,
    sheet_row INTEGER NOT NULL,
    problem TEXT NOT NULL,
    noted_at TEXT NOT NULL
);

-- Fingerprints of responses whose people were erased, so that the row in the form's sheet does not come in again.
CREATE TABLE forgotten_responses (response_key TEXT PRIMARY KEY);
