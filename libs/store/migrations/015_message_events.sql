-- Readers of events find messages by their transaction, as rows of `events` (libs/store/message-log.ts).
-- Earlier messages have no transaction: no reader gets them. The defaults come apart from the
-- columns, so that no table is rewritten.
ALTER TABLE messages ADD COLUMN xid xid8, ADD COLUMN added_at timestamptz;
ALTER TABLE messages ALTER COLUMN xid SET DEFAULT pg_current_xact_id(), ALTER COLUMN added_at SET DEFAULT clock_timestamp();
CREATE INDEX messages_xid ON messages (xid) WHERE xid IS NOT NULL;
CREATE INDEX messages_added_at ON messages USING brin (added_at) WITH (autosummarize = on);
