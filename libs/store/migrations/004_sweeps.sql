-- The broker knows the rooms that may have unstored messages: nobody looks rooms up by their age
-- any more.
DROP INDEX rooms_created_at;

-- Guests who were away for long are deleted. Only their rows are looked up by last_seen.
CREATE INDEX seen_guests ON seen (last_seen) WHERE kind = 'guest';
