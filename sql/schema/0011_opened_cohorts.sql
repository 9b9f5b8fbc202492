-- Cohorts that the committee opens on the Program tab, beside those of program.yaml, which win: the cohort that each
-- follows, and its settings as they were decided last. From the first day of applications on they stay as they are.
CREATE TABLE opened_cohorts (
    cohort_id TEXT PRIMARY KEY,
    follows TEXT NOT NULL REFERENCES cohorts (cohort_id),
    cohort_settings TEXT NOT NULL,
    decided_at TEXT NOT NULL,
    CONSTRAINT no_cohort_follows_itself CHECK (follows <> cohort_id)
);
