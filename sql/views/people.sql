-- Who has to do with what: the reach of an erasure.

DROP VIEW IF EXISTS messages_about_people;
DROP VIEW IF EXISTS matches_of_people;

-- One row per match and side.
CREATE VIEW matches_of_people AS
SELECT
    matches.match_id,
    applications.application_id,
    applications.person_id
FROM matches
INNER JOIN applications
    ON applications.application_id IN (matches.mentor_application_id, matches.mentee_application_id);

-- One row per message and person to whom it goes or about whom it tells.
CREATE VIEW messages_about_people AS
SELECT
    messages.message_id,
    messages.recipient_id AS person_id
FROM messages
UNION
SELECT
    messages.message_id,
    applications.person_id
FROM messages
INNER JOIN applications ON messages.subject_id = applications.application_id
UNION
SELECT
    messages.message_id,
    matches_of_people.person_id
FROM messages
INNER JOIN matches_of_people ON messages.subject_id = matches_of_people.match_id
UNION
-- The thanks at the end name every partner, and are about no single match.
SELECT
    messages.message_id,
    partners.person_id
FROM messages
INNER JOIN matches_of_people AS own ON messages.subject_id = own.application_id
INNER JOIN matches_of_people AS partners ON own.match_id = partners.match_id
WHERE messages.kind = 'thanks';
