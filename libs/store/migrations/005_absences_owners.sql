-- People who are away while somebody waits for them, as the sweeps of all processes saw them: since
-- when, and the time of the last look.
CREATE TABLE absences (
  user_id text COLLATE "C" PRIMARY KEY,
  since bigint NOT NULL,
  looked_at bigint NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX absences_looked_at ON absences (looked_at);

-- The time of the user's last request. `since` is their place in the queue.
ALTER TABLE pair_queue ADD COLUMN asked_at bigint NOT NULL DEFAULT 0;

-- An owner may have a limited number of open groups.
CREATE INDEX rooms_owner ON rooms (owner) WHERE kind = 'group' AND closed_at IS NULL;

-- Rooms that end are read in the order of their ends.
DROP INDEX rooms_expiring;
DROP INDEX rooms_overdue;
CREATE INDEX rooms_ending ON rooms (expires_at, room) WHERE closed_at IS NULL AND expires_at IS NOT NULL;
