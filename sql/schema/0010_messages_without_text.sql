-- Every run reads what became of every message, and none of their texts: tens of kilobytes each that SQLite would
-- have to go through on the way to the columns behind them.
CREATE INDEX messages_without_text ON messages (
    cohort_id,
    queued_at,
    message_id,
    subject_id,
    kind,
    period,
    recipient_id,
    reissue,
    state,
    attempts,
    problem,
    resolution,
    settled_at
);
