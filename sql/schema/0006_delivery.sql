-- When the provider's records were last asked about a message in doubt.
ALTER TABLE messages ADD COLUMN looked_up_at TEXT;
CREATE INDEX messages_by_claim ON messages (claimed_at);

-- Files that go with a message, frozen with its text: the content is base64, one spelling on both databases.
CREATE TABLE message_attachments (
    message_id TEXT NOT NULL REFERENCES messages (message_id),
    place INTEGER NOT NULL,
    file_name TEXT NOT NULL,
    media_type TEXT NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (message_id, place),
    CONSTRAINT attachments_count_from_zero CHECK (place >= 0),
    CONSTRAINT attachments_have_a_name CHECK (file_name <> '' AND media_type <> '')
);

-- What the mail provider reported by itself, each report once. It may come before the message is marked, late, twice,
-- or for a message that this database does not know.
CREATE TABLE provider_events (
    event_id TEXT PRIMARY KEY,
    message_id TEXT NOT NULL,
    event TEXT NOT NULL,
    provider_id TEXT NOT NULL DEFAULT '',
    happened_at TEXT NOT NULL,
    noted_at TEXT NOT NULL,
    CONSTRAINT events_have_an_id CHECK (event_id <> '')
);
CREATE INDEX provider_events_by_message ON provider_events (message_id);

-- After a restore: messages that the journal beside the database saw on their way although this database does not know
-- it. No message with such an id is ever sent; it is settled with what the journal saw.
CREATE TABLE witnessed_messages (
    message_id TEXT PRIMARY KEY,
    outcome TEXT NOT NULL,
    provider_id TEXT NOT NULL DEFAULT '',
    noted_at TEXT NOT NULL,
    CONSTRAINT witnesses_tell_what_is_known CHECK (outcome IN ('accepted', 'refused', 'unknown')),
    CONSTRAINT witnessed_acceptance_has_a_provider_id CHECK (outcome <> 'accepted' OR provider_id <> '')
);
