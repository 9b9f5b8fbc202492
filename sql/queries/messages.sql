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
-- Due now, in the order of sending, with the recipient's address as it is now; nobody who was erased.
SELECT
    messages.message_id,
    messages.subject_id,
    messages.recipient_id,
    people.email
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

-- name: list_due_answers
-- Answers of those whose mail is due, where their time zone stands; whoever applied twice has two rows.
SELECT DISTINCT
    applications.person_id,
    applications.application_id,
    applications.answers
FROM applications
INNER JOIN messages ON applications.person_id = messages.recipient_id
WHERE
    applications.cohort_id = :cohort_id
    AND messages.cohort_id = :cohort_id
    AND messages.state = 'pending'
    AND messages.not_before <= :at
ORDER BY applications.application_id;

-- name: find_message_to_send^
SELECT
    messages.message_id,
    messages.subject_id,
    messages.recipient_id,
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
WHERE messages.message_id = :message_id;

-- name: list_attachments
SELECT
    file_name,
    media_type,
    content
FROM message_attachments
WHERE message_id = :message_id
ORDER BY place;

-- name: add_attachment!
INSERT INTO message_attachments (message_id, place, file_name, media_type, content)
VALUES (:message_id, :place, :file_name, :media_type, :content);

-- name: reissue_attachments!
INSERT INTO message_attachments (message_id, place, file_name, media_type, content)
SELECT
    :reissued_as AS message_id,
    place,
    file_name,
    media_type,
    content
FROM message_attachments
WHERE message_id = :message_id;

-- name: count_mail_since^
-- What went out or may have, of every cohort: one provider carries it all. A clock that was wrong counts for a day.
SELECT COUNT(*) AS how_many
FROM messages
WHERE state IN ('sending', 'sent', 'unknown') AND claimed_at > :since AND claimed_at < :until;

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
    )
    AND NOT EXISTS (
        SELECT 1
        FROM witnessed_messages
        WHERE witnessed_messages.message_id = messages.message_id
    );

-- name: mark_sent!
UPDATE messages
SET previous_state = state, state = 'sent', provider_id = :provider_id, problem = '', settled_at = :at
WHERE message_id = :message_id AND state = 'sending';

-- name: mark_failed!
-- Nobody can send a text again that was erased meanwhile, so nobody is asked to.
UPDATE messages
SET
    previous_state = state,
    state = 'failed',
    problem = :problem,
    settled_at = :at,
    resolution = CASE WHEN body_text = '' THEN 'left' ELSE resolution END
WHERE message_id = :message_id AND state = 'sending';

-- name: mark_unknown!
-- Nobody can send a text again that was erased meanwhile, so nobody is asked to.
UPDATE messages
SET
    previous_state = state,
    state = 'unknown',
    problem = :problem,
    settled_at = :at,
    resolution = CASE WHEN body_text = '' THEN 'left' ELSE resolution END
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

-- name: release_message!
-- It was never handed over: pending as before, and the claim does not count.
UPDATE messages
SET previous_state = state, state = 'pending', attempts = attempts - 1
WHERE message_id = :message_id AND state = 'sending';

-- name: suppress_message!
UPDATE messages
SET previous_state = state, state = 'suppressed', problem = :problem, settled_at = :at
WHERE message_id = :message_id AND state = 'pending';

-- name: list_abandoned_messages
SELECT
    message_id,
    subject_id,
    attempts
FROM messages
WHERE cohort_id = :cohort_id AND state = 'sending'
ORDER BY message_id;

-- name: doubt_abandoned_messages!
-- A claim that nobody holds any more: the process died around the call, so nobody knows. Never pending again.
UPDATE messages
SET
    previous_state = state,
    state = 'unknown',
    problem = 'The software stopped while this message was being sent.',
    settled_at = :at,
    resolution = CASE WHEN body_text = '' THEN 'left' ELSE resolution END
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

-- name: list_messages_in_doubt
-- Whom to ask the provider's records about, whoever was not asked about for longest first.
SELECT
    message_id,
    claimed_at
FROM messages
WHERE
    cohort_id = :cohort_id
    AND state = 'unknown'
    AND resolution IS NULL
    AND settled_at <= :before
    AND COALESCE(looked_up_at, '') <= :before
ORDER BY COALESCE(looked_up_at, ''), settled_at, message_id
LIMIT :how_many;

-- name: note_look_up!
UPDATE messages
SET looked_up_at = :at
WHERE message_id = :message_id AND state = 'unknown';

-- name: confirm_message!
UPDATE messages
SET previous_state = state, state = 'sent', provider_id = :provider_id, problem = '', settled_at = :at
WHERE message_id = :message_id AND state = 'unknown';

-- name: refute_message!
UPDATE messages
SET previous_state = state, state = 'failed', problem = :problem, settled_at = :at
WHERE message_id = :message_id AND state = 'unknown';

-- name: note_return!
-- Accepted, and sent back afterwards: it stays sent, and a person is told.
UPDATE messages
SET problem = :problem
WHERE message_id = :message_id AND state = 'sent' AND problem = '';

-- name: list_message_states
SELECT
    message_id,
    state,
    attempts
FROM messages;

-- name: list_unknown_messages
SELECT message_id
FROM messages
WHERE state = 'unknown'
ORDER BY message_id;

-- name: list_witnessed_messages
SELECT message_id
FROM witnessed_messages;

-- name: add_witnessed_message!
INSERT INTO witnessed_messages (message_id, outcome, provider_id, noted_at)
VALUES (:message_id, :outcome, :provider_id, :at)
ON CONFLICT (message_id) DO NOTHING;

-- name: list_witnessed_pending
SELECT
    messages.message_id,
    witnessed_messages.outcome,
    witnessed_messages.provider_id
FROM messages
INNER JOIN witnessed_messages ON messages.message_id = witnessed_messages.message_id
WHERE messages.state = 'pending'
ORDER BY messages.message_id;

-- name: reclaim_witnessed_message!
-- The claim that this database has lost; it is marked in the same transaction, and nothing is sent.
UPDATE messages
SET previous_state = state, state = 'sending', attempts = attempts + 1, claimed_at = :at
WHERE
    message_id = :message_id
    AND state = 'pending'
    AND EXISTS (
        SELECT 1
        FROM witnessed_messages
        WHERE witnessed_messages.message_id = messages.message_id
    );

-- name: add_provider_event!
INSERT INTO provider_events (event_id, message_id, event, provider_id, happened_at, noted_at)
VALUES (:event_id, :message_id, :event, :provider_id, :happened_at, :at)
ON CONFLICT (event_id) DO NOTHING;

-- name: list_reported_messages
-- Messages about which the provider reported something that their state does not say yet.
SELECT
    messages.message_id,
    messages.state,
    provider_events.event_id,
    provider_events.event,
    provider_events.provider_id
FROM messages
INNER JOIN provider_events ON messages.message_id = provider_events.message_id
WHERE
    messages.state = 'unknown'
    OR (messages.state = 'sent' AND messages.problem = '' AND provider_events.event IN ('bounce', 'blocked', 'dropped'))
ORDER BY messages.message_id, provider_events.happened_at, provider_events.event_id;

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
        WHEN
            resolution IS NULL
            AND (state IN ('unknown', 'failed', 'suppressed', 'expired') OR (state = 'sent' AND problem <> ''))
            THEN 'left'
        ELSE resolution
    END
WHERE
    body_text <> ''
    AND message_id IN (
        SELECT messages_about_people.message_id
        FROM messages_about_people
        WHERE messages_about_people.person_id = :person_id
    );

-- name: forget_message_attachments!
DELETE FROM message_attachments
WHERE message_id IN (
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
