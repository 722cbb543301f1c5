-- The moment a room began to keep history: what was said in it before is not stored later either. Null: it keeps none, or nobody knows since when.
ALTER TABLE rooms ADD COLUMN history_from bigint;
UPDATE rooms SET history_from = created_at WHERE keep_history;

-- For what is too old, and not in a month that is wholly over: rows lie in the order of their stamps, or nearly so. A few kilobytes, whatever is stored.
CREATE INDEX messages_at ON messages USING brin (at) WITH (autosummarize = on);
