-- The moves that mentoring/states.py allows. (previous_state, state) refers to it, so any other move is refused.
CREATE TABLE match_transitions (
    previous_state TEXT NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (previous_state, state)
);
INSERT INTO match_transitions (previous_state, state) VALUES
('start', 'proposed'),
('proposed', 'approved'),
('proposed', 'rejected'),
('approved', 'active'),
('approved', 'rejected'),
('active', 'ended');

CREATE TABLE matches (
    match_id TEXT PRIMARY KEY,
    cohort_id TEXT NOT NULL REFERENCES cohorts (cohort_id),
    mentor_application_id TEXT NOT NULL,
    seat INTEGER NOT NULL,
    mentee_application_id TEXT NOT NULL REFERENCES applications (application_id),
    points INTEGER NOT NULL,
    explanation TEXT NOT NULL DEFAULT '{}',
    is_rematch INTEGER NOT NULL DEFAULT 0,
    is_held INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL,
    previous_state TEXT NOT NULL,
    proposed_at TEXT NOT NULL,
    decided_by TEXT,
    decided_at TEXT,
    approved_at TEXT,
    introduced_at TEXT,
    ended_at TEXT,
    reason TEXT,
    CONSTRAINT matches_move_as_allowed FOREIGN KEY (previous_state, state)
    REFERENCES match_transitions (previous_state, state),
    CONSTRAINT matches_take_a_seat FOREIGN KEY (mentor_application_id, seat)
    REFERENCES mentor_seats (application_id, seat),
    CONSTRAINT nobody_mentors_himself CHECK (mentor_application_id <> mentee_application_id),
    CONSTRAINT rematch_is_yes_or_no CHECK (is_rematch IN (0, 1)),
    CONSTRAINT only_proposals_are_held CHECK (is_held = 0 OR (is_held = 1 AND state = 'proposed')),
    CONSTRAINT introductions_need_an_approval CHECK (
        state NOT IN ('approved', 'active', 'ended') OR (approved_at IS NOT NULL AND decided_by IS NOT NULL)
    ),
    CONSTRAINT active_matches_were_introduced CHECK ((state IN ('active', 'ended')) = (introduced_at IS NOT NULL)),
    CONSTRAINT ended_matches_have_an_end CHECK ((state = 'ended') = (ended_at IS NOT NULL)),
    CONSTRAINT matches_end_for_a_known_reason CHECK (
        (state IN ('proposed', 'approved', 'active') AND reason IS NULL)
        OR (state = 'rejected' AND COALESCE(reason, '') IN ('committee', 'superseded', 'applicant_withdrew'))
        OR (state = 'ended' AND COALESCE(reason, '') IN ('completed', 'withdrawn', 'not_working_out'))
    )
);
CREATE UNIQUE INDEX one_live_match_per_mentee ON matches (mentee_application_id)
WHERE state IN ('proposed', 'approved', 'active');
CREATE UNIQUE INDEX one_live_match_per_seat ON matches (mentor_application_id, seat)
WHERE state IN ('proposed', 'approved', 'active');
