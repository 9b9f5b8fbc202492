-- name: add_cohort!
INSERT INTO cohorts (cohort_id, created_at, token_key)
VALUES (:cohort_id, :at, :token_key)
ON CONFLICT (cohort_id) DO NOTHING;

-- name: list_cohorts
-- Every cohort that ever had a run, the earliest first, and whether any response came in for it.
SELECT
    cohort_id,
    created_at,
    anonymised_at,
    CASE
        WHEN
            EXISTS (
                SELECT 1 FROM applications
                WHERE applications.cohort_id = cohorts.cohort_id
            )
            OR EXISTS (
                SELECT 1 FROM unplaced_responses
                WHERE unplaced_responses.cohort_id = cohorts.cohort_id
            )
            THEN 1
        ELSE 0
    END AS has_responses
FROM cohorts
ORDER BY created_at, cohort_id;

-- name: list_opened_cohorts
-- Cohorts that the committee opened on the Program tab.
SELECT
    cohort_id,
    follows,
    cohort_settings
FROM opened_cohorts
ORDER BY cohort_id;

-- name: open_cohort!
-- A cohort that anybody has applied for stays as it is.
INSERT INTO opened_cohorts (cohort_id, follows, cohort_settings, decided_at)
VALUES (:next_cohort_id, :cohort_id, :cohort_settings, :at)
ON CONFLICT (cohort_id) DO UPDATE
    SET cohort_settings = excluded.cohort_settings, decided_at = excluded.decided_at
    WHERE
    opened_cohorts.follows = excluded.follows
    AND NOT EXISTS (
        SELECT 1 FROM applications
        WHERE applications.cohort_id = :next_cohort_id
    );

-- name: take_back_cohort!
DELETE FROM opened_cohorts
WHERE
    cohort_id = :next_cohort_id
    AND follows = :cohort_id
    AND NOT EXISTS (
        SELECT 1 FROM applications
        WHERE applications.cohort_id = :next_cohort_id
    );

-- name: find_cohort^
SELECT
    cohort_id,
    created_at,
    token_key,
    anonymised_at
FROM cohorts
WHERE cohort_id = :cohort_id;

-- name: list_settings
SELECT
    setting,
    setting_value
FROM cohort_settings
WHERE cohort_id = :cohort_id
ORDER BY setting;

-- name: list_settings_elsewhere
-- What the committee set for other cohorts: their days may still stand on the Program tab.
SELECT
    setting,
    setting_value
FROM cohort_settings
WHERE cohort_id <> :cohort_id
ORDER BY cohort_id, setting;

-- name: put_setting!
INSERT INTO cohort_settings (cohort_id, setting, setting_value, changed_at)
VALUES (:cohort_id, :setting, :setting_value, :at)
ON CONFLICT (cohort_id, setting) DO UPDATE
    SET setting_value = excluded.setting_value, changed_at = excluded.changed_at;

-- name: drop_setting!
DELETE FROM cohort_settings
WHERE cohort_id = :cohort_id AND setting = :setting;

-- name: anonymise_cohort!
UPDATE cohorts
SET anonymised_at = :at
WHERE cohort_id = :cohort_id AND anonymised_at IS NULL;
