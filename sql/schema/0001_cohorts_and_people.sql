-- Times are UTC text like 2027-03-01T13:00:00Z, days like 2027-03-01, yes/no is 1/0, structured values are JSON text:
-- one spelling on SQLite and PostgreSQL, and text order is time order.

CREATE TABLE cohorts (
    cohort_id TEXT PRIMARY KEY,
    created_at TEXT NOT NULL,
    token_key TEXT NOT NULL,
    anonymised_at TEXT
);

-- Values that the committee set on the Program tab; the last good one stays in force.
CREATE TABLE cohort_settings (
    cohort_id TEXT NOT NULL REFERENCES cohorts (cohort_id),
    setting TEXT NOT NULL,
    setting_value TEXT NOT NULL,
    changed_at TEXT NOT NULL,
    PRIMARY KEY (cohort_id, setting)
);

-- One row per human being, by the normalised key of the address. An erased person keeps an id for the statistics only.
CREATE TABLE people (
    person_id TEXT PRIMARY KEY,
    email_key TEXT UNIQUE,
    email TEXT,
    full_name TEXT,
    created_at TEXT NOT NULL,
    erased_at TEXT,
    CONSTRAINT erased_people_have_no_name_or_address CHECK (
        (erased_at IS NULL AND email_key IS NOT NULL AND email IS NOT NULL)
        OR (erased_at IS NOT NULL AND email_key IS NULL AND email IS NULL AND full_name IS NULL)
    )
);

-- Who or which flow changed what, when. Never personal text.
CREATE TABLE audit_log (
    audit_id TEXT PRIMARY KEY,
    noted_at TEXT NOT NULL,
    actor TEXT NOT NULL,
    entity TEXT NOT NULL,
    entity_id TEXT NOT NULL,
    happening TEXT NOT NULL,
    detail TEXT NOT NULL DEFAULT ''
);
CREATE INDEX audit_by_entity ON audit_log (entity, entity_id);
