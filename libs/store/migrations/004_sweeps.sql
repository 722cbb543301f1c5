-- Where messages may lie unstored is asked of the broker: nobody looks rooms up by their age any more.
DROP INDEX rooms_created_at;
