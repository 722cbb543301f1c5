-- The moment a room began to keep history: what was said in it before is not stored later either. Null: it keeps none, or nobody knows since when.
ALTER TABLE rooms ADD COLUMN history_from bigint;
UPDATE rooms SET history_from = created_at WHERE keep_history;
