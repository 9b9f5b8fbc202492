-- Who got in touch with whom, as far as anybody told; no personal data.

DROP VIEW IF EXISTS matches_without_contact;

-- Matches that are over, of which the mentee told that nothing came of it, and nobody ever that the two were in touch.
-- That nothing was heard while the two paused is no news.
CREATE VIEW matches_without_contact AS
SELECT matches.match_id
FROM matches
WHERE
    matches.state = 'ended'
    AND EXISTS (
        SELECT 1
        FROM check_ins
        WHERE
            check_ins.match_id = matches.match_id
            AND check_ins.application_id = matches.mentee_application_id
            AND check_ins.signal IN ('not_yet', 'partner_missing')
            AND NOT EXISTS (
                SELECT 1
                FROM pauses
                WHERE
                    pauses.match_id = matches.match_id
                    AND check_ins.answered_at >= pauses.began_at
                    AND (pauses.ended_at IS NULL OR check_ins.answered_at < pauses.ended_at)
            )
    )
    AND NOT EXISTS (
        SELECT 1
        FROM check_ins
        WHERE check_ins.match_id = matches.match_id AND (check_ins.signal = 'connected' OR check_ins.contacts > 0)
    );
