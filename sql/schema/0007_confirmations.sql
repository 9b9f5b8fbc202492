-- Somebody proved to be who the application says, by the code of a mail or by signing in to the form. A revoked one
-- stays, so that its code stays used and the response that brought it does not count again.
CREATE TABLE confirmations (
    response_key TEXT PRIMARY KEY,
    cohort_id TEXT NOT NULL REFERENCES cohorts (cohort_id),
    application_id TEXT NOT NULL REFERENCES applications (application_id),
    person_id TEXT NOT NULL REFERENCES people (person_id),
    means TEXT NOT NULL,
    code TEXT REFERENCES messages (message_id),
    confirmed_at TEXT NOT NULL,
    revoked_at TEXT,
    CONSTRAINT codes_confirm_once UNIQUE (code),
    CONSTRAINT confirmations_are_of_a_known_kind CHECK (means IN ('link', 'verified_address')),
    CONSTRAINT links_and_only_links_have_a_code CHECK ((means = 'link') = (code IS NOT NULL)),
    CONSTRAINT confirmations_end_after_they_began CHECK (revoked_at >= confirmed_at)
);
CREATE UNIQUE INDEX one_confirmation_in_force ON confirmations (application_id)
WHERE revoked_at IS NULL;
