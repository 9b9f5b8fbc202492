-- Where the cohorts stand, for whoever looks into the database; no personal data.

DROP VIEW IF EXISTS cohort_standing;
DROP VIEW IF EXISTS waiting_messages;

-- How many applications, matches, pauses, requests and messages are in which state.
CREATE VIEW cohort_standing AS
SELECT
    cohort_id,
    applicant_role || ' application' AS entity,
    state,
    COUNT(*) AS how_many
FROM applications
GROUP BY cohort_id, applicant_role, state
UNION ALL
SELECT
    cohort_id,
    'match' AS entity,
    state,
    COUNT(*) AS how_many
FROM matches
GROUP BY cohort_id, state
UNION ALL
SELECT
    cohort_id,
    'pause' AS entity,
    state,
    COUNT(*) AS how_many
FROM pauses
GROUP BY cohort_id, state
UNION ALL
SELECT
    cohort_id,
    'request' AS entity,
    state,
    COUNT(*) AS how_many
FROM requests
GROUP BY cohort_id, state
UNION ALL
SELECT
    cohort_id,
    'message' AS entity,
    state,
    COUNT(*) AS how_many
FROM messages
GROUP BY cohort_id, state;

-- Messages that wait for the committee's decision; a sent one if it was sent back afterwards.
CREATE VIEW waiting_messages AS
SELECT
    cohort_id,
    message_id,
    kind,
    subject_id,
    state,
    problem,
    settled_at
FROM messages
WHERE
    resolution IS NULL
    AND (state IN ('unknown', 'failed', 'suppressed', 'expired') OR (state = 'sent' AND problem <> ''));
