-- name: list_messages
SELECT
    message_id,
    subject_id,
    kind,
    period,
    recipient_id,
    reissue,
    state,
    problem,
    resolution,
    queued_at,
    settled_at
FROM messages
WHERE cohort_id = :cohort_id
ORDER BY queued_at, message_id;

-- name: queue_message!
INSERT INTO messages (
    message_id, cohort_id, subject_id, kind, period, recipient_id, reissue, subject_line, body_text, body_html,
    body_hash, queued_at, not_before, expires_at, state, previous_state
)
VALUES (
    :message_id, :cohort_id, :subject_id, :kind, :period, :recipient_id, :reissue, :subject_line, :body_text,
    :body_html, :body_hash, :at, :not_before, :expires_at, 'pending', 'start'
)
ON CONFLICT (cohort_id, subject_id, kind, period, recipient_id, reissue) DO NOTHING;

-- name: reissue_message!
-- Erased people and texts that are gone can't be sent again.
INSERT INTO messages (
    message_id, cohort_id, subject_id, kind, period, recipient_id, reissue, subject_line, body_text, body_html,
    body_hash, queued_at, not_before, expires_at, state, previous_state
)
SELECT
    :reissued_as AS message_id,
    cohort_id,
    subject_id,
    kind,
    period,
    recipient_id,
    :reissue AS reissue,
    subject_line,
    body_text,
    body_html,
    body_hash,
    :at AS queued_at,
    :not_before AS not_before,
    :expires_at AS expires_at,
    'pending' AS state,
    'start' AS previous_state
FROM messages
WHERE message_id = :message_id AND body_text <> ''
ON CONFLICT (cohort_id, subject_id, kind, period, recipient_id, reissue) DO NOTHING;

-- name: resolve_message!
UPDATE messages
SET resolution = :resolution
WHERE message_id = :message_id AND resolution IS NULL;

-- name: cancel_message!
UPDATE messages
SET previous_state = state, state = 'cancelled', problem = :problem, settled_at = :at
WHERE message_id = :message_id AND state = 'pending';

-- name: list_due_messages
-- Due now, with the recipient's address as it is now; nobody who was erased.
SELECT
    messages.message_id,
    messages.kind,
    messages.attempts,
    messages.subject_line,
    messages.body_text,
    messages.body_html,
    messages.body_hash,
    people.email,
    people.full_name
FROM messages
INNER JOIN people ON messages.recipient_id = people.person_id
WHERE
    messages.cohort_id = :cohort_id
    AND messages.state = 'pending'
    AND messages.not_before <= :at
    AND messages.expires_at > :at
    AND messages.attempts < :attempt_limit
    AND people.erased_at IS NULL
ORDER BY messages.not_before, messages.queued_at, messages.message_id;

-- name: claim_message!
-- Committed before the call to the provider: from here on a crash leaves doubt, never a second message.
UPDATE messages
SET previous_state = state, state = 'sending', attempts = attempts + 1, claimed_at = :at
WHERE
    message_id = :message_id
    AND state = 'pending'
    AND attempts < :attempt_limit
    AND EXISTS (
        SELECT 1
        FROM people
        WHERE people.person_id = messages.recipient_id AND people.erased_at IS NULL
    );

-- name: mark_sent!
UPDATE messages
SET previous_state = state, state = 'sent', provider_id = :provider_id, problem = '', settled_at = :at
WHERE message_id = :message_id AND state = 'sending';

-- name: mark_failed!
UPDATE messages
SET previous_state = state, state = 'failed', problem = :problem, settled_at = :at
WHERE message_id = :message_id AND state = 'sending';

-- name: mark_unknown!
UPDATE messages
SET previous_state = state, state = 'unknown', problem = :problem, settled_at = :at
WHERE message_id = :message_id AND state = 'sending';

-- name: return_message!
-- It certainly did not arrive: again later, unless it will have expired by then; then at the next run, as a last try.
UPDATE messages
SET
    previous_state = state,
    state = 'pending',
    problem = :problem,
    not_before = CASE WHEN :not_before < expires_at THEN :not_before ELSE not_before END
WHERE message_id = :message_id AND state = 'sending';

-- name: doubt_abandoned_messages!
-- A claim that nobody holds any more: the process died around the call, so nobody knows. Never pending again.
UPDATE messages
SET
    previous_state = state,
    state = 'unknown',
    problem = 'The software stopped while this message was being sent.',
    settled_at = :at
WHERE cohort_id = :cohort_id AND state = 'sending';

-- name: expire_messages!
UPDATE messages
SET
    previous_state = state,
    state = 'expired',
    problem = 'It could not go out before it had become pointless.',
    settled_at = :at
WHERE cohort_id = :cohort_id AND state = 'pending' AND expires_at <= :at;

-- name: park_messages!
UPDATE messages
SET
    previous_state = state,
    state = 'failed',
    problem = 'It did not get through after several attempts.',
    settled_at = :at
WHERE cohort_id = :cohort_id AND state = 'pending' AND attempts >= :attempt_limit;

-- name: cancel_messages_about!
-- To the person or about the person: what waits has lost its text.
UPDATE messages
SET previous_state = state, state = 'cancelled', problem = 'Somebody whom it concerned was erased.', settled_at = :at
WHERE
    state = 'pending'
    AND message_id IN (
        SELECT messages_about_people.message_id
        FROM messages_about_people
        WHERE messages_about_people.person_id = :person_id
    );

-- name: forget_message_bodies!
-- What was written to a person, and about a person to the partner. Nobody can send these again, so nobody is asked to.
UPDATE messages
SET
    subject_line = '',
    body_text = '',
    body_html = '',
    resolution = CASE
        WHEN resolution IS NULL AND state IN ('unknown', 'failed', 'suppressed', 'expired') THEN 'left'
        ELSE resolution
    END
WHERE
    body_text <> ''
    AND message_id IN (
        SELECT messages_about_people.message_id
        FROM messages_about_people
        WHERE messages_about_people.person_id = :person_id
    );

-- name: list_messages_without_text
-- Messages whose people were erased: their files have to go, too.
SELECT message_id
FROM messages
WHERE body_text = ''
ORDER BY message_id;
