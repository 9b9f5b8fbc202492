-- The moves that mentoring/states.py allows. (previous_state, state) refers to it, so any other move is refused.
CREATE TABLE application_transitions (
    previous_state TEXT NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (previous_state, state)
);
INSERT INTO application_transitions (previous_state, state) VALUES
('start', 'received'),
('received', 'accepted'),
('received', 'duplicate'),
('received', 'needs_attention'),
('received', 'withdrawn'),
('accepted', 'duplicate'),
('accepted', 'received'),
('accepted', 'withdrawn'),
('needs_attention', 'duplicate'),
('needs_attention', 'received'),
('needs_attention', 'withdrawn'),
('withdrawn', 'received');

-- One row per form response that counts, plus one per response that a later one replaced (duplicate).
CREATE TABLE applications (
    application_id TEXT PRIMARY KEY,
    cohort_id TEXT NOT NULL REFERENCES cohorts (cohort_id),
    applicant_role TEXT NOT NULL,
    person_id TEXT REFERENCES people (person_id),
    response_key TEXT NOT NULL,
    sheet_row INTEGER NOT NULL,
    received_at TEXT NOT NULL,
    is_late INTEGER NOT NULL DEFAULT 0,
    answers TEXT NOT NULL,
    faults TEXT NOT NULL DEFAULT '[]',
    reason TEXT NOT NULL DEFAULT '',
    revision INTEGER NOT NULL DEFAULT 1,
    state TEXT NOT NULL,
    previous_state TEXT NOT NULL,
    changed_at TEXT NOT NULL,
    CONSTRAINT applications_move_as_allowed FOREIGN KEY (previous_state, state)
    REFERENCES application_transitions (previous_state, state),
    CONSTRAINT one_application_per_response UNIQUE (cohort_id, applicant_role, response_key),
    CONSTRAINT applicants_are_mentor_or_mentee CHECK (applicant_role IN ('mentor', 'mentee')),
    CONSTRAINT late_is_yes_or_no CHECK (is_late IN (0, 1)),
    CONSTRAINT revisions_count_from_one CHECK (revision >= 1),
    CONSTRAINT accepted_applications_have_a_person CHECK (state <> 'accepted' OR person_id IS NOT NULL)
);
CREATE UNIQUE INDEX one_application_in_force ON applications (cohort_id, applicant_role, person_id)
WHERE state IN ('accepted', 'needs_attention');

-- A mentor of capacity 2 has seats 1 and 2. Seats as rows let the database refuse an overbooked mentor.
CREATE TABLE mentor_seats (
    application_id TEXT NOT NULL REFERENCES applications (application_id),
    seat INTEGER NOT NULL,
    PRIMARY KEY (application_id, seat),
    CONSTRAINT mentors_have_at_most_five_seats CHECK (seat BETWEEN 1 AND 5)
);
