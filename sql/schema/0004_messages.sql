-- The moves that mentoring/states.py allows. (previous_state, state) refers to it, so any other move is refused.
CREATE TABLE message_transitions (
    previous_state TEXT NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (previous_state, state)
);
INSERT INTO message_transitions (previous_state, state) VALUES
('start', 'pending'),
('pending', 'cancelled'),
('pending', 'expired'),
('pending', 'failed'),
('pending', 'sending'),
('pending', 'suppressed'),
('sending', 'failed'),
('sending', 'pending'),
('sending', 'sent'),
('sending', 'unknown'),
('unknown', 'failed'),
('unknown', 'sent');

-- The outbox. A message is written in the same transaction as the change that causes it; its text never changes again.
CREATE TABLE messages (
    message_id TEXT PRIMARY KEY,
    cohort_id TEXT NOT NULL REFERENCES cohorts (cohort_id),
    subject_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    period TEXT NOT NULL,
    recipient_id TEXT NOT NULL REFERENCES people (person_id),
    reissue INTEGER NOT NULL DEFAULT 0,
    subject_line TEXT NOT NULL,
    body_text TEXT NOT NULL,
    body_html TEXT NOT NULL,
    body_hash TEXT NOT NULL,
    queued_at TEXT NOT NULL,
    not_before TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    claimed_at TEXT,
    settled_at TEXT,
    provider_id TEXT,
    problem TEXT NOT NULL DEFAULT '',
    resolution TEXT,
    state TEXT NOT NULL,
    previous_state TEXT NOT NULL,
    CONSTRAINT messages_move_as_allowed FOREIGN KEY (previous_state, state)
    REFERENCES message_transitions (previous_state, state),
    CONSTRAINT one_message_per_key UNIQUE (cohort_id, subject_id, kind, period, recipient_id, reissue),
    CONSTRAINT sent_messages_have_a_provider_id CHECK (state <> 'sent' OR COALESCE(provider_id, '') <> ''),
    CONSTRAINT sending_needs_a_claim CHECK (state <> 'sending' OR (claimed_at IS NOT NULL AND attempts >= 1)),
    CONSTRAINT settled_messages_have_a_time CHECK (state IN ('pending', 'sending') OR settled_at IS NOT NULL),
    CONSTRAINT messages_resolve_as_known CHECK (resolution IN ('resent', 'left')),
    CONSTRAINT messages_begin_before_they_expire CHECK (not_before < expires_at),
    CONSTRAINT message_times_sort_as_text CHECK (
        not_before LIKE '____-__-__T__:__:__Z' AND expires_at LIKE '____-__-__T__:__:__Z'
    ),
    CONSTRAINT messages_count_from_zero CHECK (attempts >= 0 AND reissue >= 0)
);
CREATE INDEX messages_by_state ON messages (state, not_before);
CREATE INDEX messages_by_subject ON messages (subject_id);
