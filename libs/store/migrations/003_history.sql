-- The moment a room began to keep history: earlier messages are never stored. Null: it keeps none,
-- or the moment is unknown.
ALTER TABLE rooms ADD COLUMN history_from bigint;
UPDATE rooms SET history_from = created_at WHERE keep_history;

-- Finds old messages in months that are not over as a whole. Rows lie nearly in the order of their
-- stamps, so the index has a few kilobytes, whatever the size of the table.
CREATE INDEX messages_at ON messages USING brin (at) WITH (autosummarize = on);
