-- Where messages may lie unstored is asked of the broker: nobody looks rooms up by their age any more.
DROP INDEX rooms_created_at;

-- Guests who were not here for long are forgotten. Only their rows have to be found by when they were here.
CREATE INDEX seen_guests ON seen (last_seen) WHERE kind = 'guest';
