-- What must never be true, although single constraints can't refuse all of it. Every query must return no row; rows
-- hold ids, states and figures only.

-- name: accepted_application_without_person
SELECT application_id
FROM applications
WHERE state = 'accepted' AND person_id IS NULL;

-- name: two_applications_in_force
SELECT
    cohort_id,
    applicant_role,
    person_id
FROM applications
WHERE state IN ('accepted', 'needs_attention') AND person_id IS NOT NULL
GROUP BY cohort_id, applicant_role, person_id
HAVING COUNT(*) > 1;

-- name: seat_of_a_mentee
SELECT
    mentor_seats.application_id,
    mentor_seats.seat
FROM mentor_seats
INNER JOIN applications ON mentor_seats.application_id = applications.application_id
WHERE applications.applicant_role <> 'mentor';

-- name: match_of_wrong_roles_or_cohorts
SELECT matches.match_id
FROM matches
INNER JOIN applications AS mentors ON matches.mentor_application_id = mentors.application_id
INNER JOIN applications AS mentees ON matches.mentee_application_id = mentees.application_id
WHERE
    mentors.applicant_role <> 'mentor'
    OR mentees.applicant_role <> 'mentee'
    OR mentors.cohort_id <> matches.cohort_id
    OR mentees.cohort_id <> matches.cohort_id;

-- name: match_with_oneself
SELECT matches.match_id
FROM matches
INNER JOIN applications AS mentors ON matches.mentor_application_id = mentors.application_id
INNER JOIN applications AS mentees ON matches.mentee_application_id = mentees.application_id
WHERE mentors.person_id = mentees.person_id;

-- name: mentor_over_capacity
SELECT
    matches.mentor_application_id,
    COUNT(*) AS live_matches
FROM matches
WHERE matches.state IN ('proposed', 'approved', 'active')
GROUP BY matches.mentor_application_id
HAVING COUNT(*) > (
    SELECT COUNT(*)
    FROM mentor_seats
    WHERE mentor_seats.application_id = matches.mentor_application_id
);

-- name: mentee_with_two_live_matches
SELECT
    mentee_application_id,
    COUNT(*) AS live_matches
FROM matches
WHERE state IN ('proposed', 'approved', 'active')
GROUP BY mentee_application_id
HAVING COUNT(*) > 1;

-- name: introduction_without_approval
SELECT match_id
FROM matches
WHERE state IN ('approved', 'active', 'ended') AND (approved_at IS NULL OR decided_by IS NULL);

-- name: active_match_without_both_introductions
-- Queued in the same transaction as the match became active, one to each side.
SELECT
    matches_of_people.match_id,
    matches_of_people.application_id
FROM matches_of_people
INNER JOIN matches ON matches_of_people.match_id = matches.match_id
WHERE
    matches.state = 'active'
    AND NOT EXISTS (
        SELECT 1
        FROM messages
        WHERE
            messages.subject_id = matches.match_id
            AND messages.recipient_id = matches_of_people.person_id
            AND messages.kind IN ('introduction_mentor', 'introduction_mentee')
    );

-- name: introduction_of_nobody_introduced
SELECT
    messages.message_id,
    matches.state
FROM messages
LEFT JOIN matches ON messages.subject_id = matches.match_id
WHERE
    messages.kind IN ('introduction_mentor', 'introduction_mentee')
    AND (matches.match_id IS NULL OR matches.state NOT IN ('active', 'ended'));

-- name: match_ended_without_telling
-- Both sides are told, whoever asked for it; erased people can't be.
SELECT
    matches_of_people.match_id,
    matches_of_people.application_id
FROM matches_of_people
INNER JOIN matches ON matches_of_people.match_id = matches.match_id
WHERE
    matches.state = 'ended'
    AND matches.reason <> 'completed'
    AND NOT EXISTS (
        SELECT 1
        FROM matches_of_people AS sides
        INNER JOIN people ON sides.person_id = people.person_id
        WHERE sides.match_id = matches.match_id AND people.erased_at IS NOT NULL
    )
    AND NOT EXISTS (
        SELECT 1
        FROM messages
        WHERE
            messages.subject_id = matches.match_id
            AND messages.recipient_id = matches_of_people.person_id
            AND messages.kind IN ('match_ended', 'partner_withdrew')
    );

-- name: two_messages_of_one_key
SELECT
    cohort_id,
    subject_id,
    kind,
    period,
    recipient_id,
    reissue
FROM messages
GROUP BY cohort_id, subject_id, kind, period, recipient_id, reissue
HAVING COUNT(*) > 1;

-- name: message_sent_without_provider_id
SELECT message_id
FROM messages
WHERE state = 'sent' AND COALESCE(provider_id, '') = '';

-- name: message_sent_without_claim
SELECT message_id
FROM messages
WHERE state IN ('sending', 'sent', 'unknown') AND (claimed_at IS NULL OR attempts < 1);

-- name: message_held_back_without_reason
SELECT message_id
FROM messages
WHERE state IN ('suppressed', 'failed', 'expired', 'unknown') AND problem = '';

-- name: witnessed_message_on_its_way
-- What the journal saw before a restore is never handed over again.
SELECT messages.message_id
FROM messages
INNER JOIN witnessed_messages ON messages.message_id = witnessed_messages.message_id
WHERE messages.state = 'sending';

-- name: message_about_nothing
-- Every message is about a match, an application or a request, but for the committee's digest.
SELECT message_id
FROM messages
WHERE
    kind <> 'committee_digest'
    AND NOT EXISTS (
        SELECT 1 FROM matches
        WHERE matches.match_id = messages.subject_id
    )
    AND NOT EXISTS (
        SELECT 1 FROM applications
        WHERE applications.application_id = messages.subject_id
    )
    AND NOT EXISTS (
        SELECT 1 FROM requests
        WHERE requests.request_id = messages.subject_id
    );

-- name: reissue_without_original
SELECT messages.message_id
FROM messages
WHERE
    messages.reissue > 0
    AND NOT EXISTS (
        SELECT 1
        FROM messages AS originals
        WHERE
            originals.cohort_id = messages.cohort_id
            AND originals.subject_id = messages.subject_id
            AND originals.kind = messages.kind
            AND originals.period = messages.period
            AND originals.recipient_id = messages.recipient_id
            AND originals.reissue = messages.reissue - 1
            AND originals.resolution = 'resent'
    );

-- name: erased_person_with_text_left
SELECT DISTINCT
    left_over.person_id,
    left_over.place
FROM (
    SELECT
        person_id,
        'application' AS place
    FROM applications
    WHERE answers <> '{}' OR faults <> '[]'
    UNION ALL
    SELECT
        messages_about_people.person_id,
        'message' AS place
    FROM messages_about_people
    INNER JOIN messages ON messages_about_people.message_id = messages.message_id
    WHERE messages.subject_line <> '' OR messages.body_text <> '' OR messages.body_html <> ''
    UNION ALL
    SELECT
        messages_about_people.person_id,
        'attachment' AS place
    FROM messages_about_people
    INNER JOIN message_attachments ON messages_about_people.message_id = message_attachments.message_id
    UNION ALL
    SELECT
        matches_of_people.person_id,
        'match' AS place
    FROM matches_of_people
    INNER JOIN matches ON matches_of_people.match_id = matches.match_id
    -- The points of the criteria are figures and stay; words would stand in quotes behind a colon or a bracket.
    WHERE
        matches.explanation <> '{}'
        AND (
            SUBSTR(matches.explanation, 1, 14) <> '{"criteria": {'
            OR REPLACE(REPLACE(matches.explanation, '": "', ''), '["', '') <> matches.explanation
        )
    UNION ALL
    SELECT
        matches_of_people.person_id,
        'check-in' AS place
    FROM matches_of_people
    INNER JOIN check_ins ON matches_of_people.match_id = check_ins.match_id
    WHERE check_ins.words <> '' OR check_ins.fallback <> ''
    UNION ALL
    SELECT
        applications.person_id,
        'request' AS place
    FROM applications
    INNER JOIN requests ON applications.application_id = requests.application_id
    WHERE requests.words <> ''
) AS left_over
INNER JOIN people ON left_over.person_id = people.person_id
WHERE people.erased_at IS NOT NULL;

-- name: erased_person_in_an_active_match
SELECT
    matches_of_people.match_id,
    matches_of_people.person_id
FROM matches_of_people
INNER JOIN matches ON matches_of_people.match_id = matches.match_id
INNER JOIN people ON matches_of_people.person_id = people.person_id
WHERE matches.state = 'active' AND people.erased_at IS NOT NULL;

-- name: message_pending_to_an_erased_person
SELECT messages.message_id
FROM messages
INNER JOIN people ON messages.recipient_id = people.person_id
WHERE messages.state IN ('pending', 'sending') AND people.erased_at IS NOT NULL;

-- name: anonymised_cohort_with_answers
SELECT applications.application_id
FROM applications
INNER JOIN cohorts ON applications.cohort_id = cohorts.cohort_id
WHERE cohorts.anonymised_at IS NOT NULL AND applications.person_id IS NULL AND applications.answers <> '{}';

-- name: pause_of_a_match_that_is_not_active
SELECT
    pauses.pause_id,
    matches.state
FROM pauses
INNER JOIN matches ON pauses.match_id = matches.match_id
WHERE pauses.state = 'running' AND matches.state <> 'active';

-- name: two_pauses_at_once
SELECT
    one.match_id,
    one.pause_id
FROM pauses AS one
INNER JOIN pauses AS other ON one.match_id = other.match_id AND one.pause_id < other.pause_id
WHERE one.ended_at IS NULL OR other.began_at < one.ended_at;

-- name: pause_without_telling
-- Both sides are told when a pause begins, in the same transaction; the period begins with the pause's number.
SELECT
    pauses.pause_id,
    matches_of_people.application_id
FROM pauses
INNER JOIN matches_of_people ON pauses.match_id = matches_of_people.match_id
INNER JOIN people ON matches_of_people.person_id = people.person_id
WHERE
    people.erased_at IS NULL
    AND NOT EXISTS (
        SELECT 1
        FROM messages
        WHERE
            messages.subject_id = pauses.match_id
            AND messages.kind = 'match_paused'
            AND pauses.pause_id
            = messages.subject_id || '-pause-' || SUBSTR(messages.period, 1, LENGTH(messages.period) - 11)
            AND messages.recipient_id = matches_of_people.person_id
    );

-- name: going_on_without_telling
-- The same when they go on; a pause that ended with its match has nothing to tell.
SELECT
    pauses.pause_id,
    matches_of_people.application_id
FROM pauses
INNER JOIN matches_of_people ON pauses.match_id = matches_of_people.match_id
INNER JOIN people ON matches_of_people.person_id = people.person_id
WHERE
    pauses.state IN ('elapsed', 'resumed')
    AND people.erased_at IS NULL
    AND NOT EXISTS (
        SELECT 1
        FROM messages
        WHERE
            messages.subject_id = pauses.match_id
            AND messages.kind = 'match_resumed'
            AND pauses.pause_id = messages.subject_id || '-pause-' || messages.period
            AND messages.recipient_id = matches_of_people.person_id
    );

-- name: message_queued_during_a_pause
SELECT
    messages.message_id,
    pauses.pause_id
FROM messages
INNER JOIN pauses ON messages.subject_id = pauses.match_id
WHERE
    messages.kind IN ('monthly_topic', 'heads_up', 'check_in', 'check_in_reminder')
    AND messages.queued_at > pauses.began_at
    AND (pauses.ended_at IS NULL OR messages.queued_at < pauses.ended_at);
