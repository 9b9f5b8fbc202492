-- name: add_cohort!
INSERT INTO cohorts (cohort_id, created_at, token_key)
VALUES (:cohort_id, :at, :token_key)
ON CONFLICT (cohort_id) DO NOTHING;

-- name: list_cohorts
-- Every cohort that ever had a run, the earliest first.
SELECT
    cohort_id,
    created_at,
    anonymised_at
FROM cohorts
ORDER BY created_at, cohort_id;

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
