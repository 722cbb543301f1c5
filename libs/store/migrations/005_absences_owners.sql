-- Who is away of those somebody waits for, as the sweeps of all processes saw them: since when, and when they were looked for last.
CREATE TABLE absences (
  user_id text COLLATE "C" PRIMARY KEY,
  since bigint NOT NULL,
  looked_at bigint NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX absences_looked_at ON absences (looked_at);

-- When the user asked last: `since` is their place in the queue.
ALTER TABLE pair_queue ADD COLUMN asked_at bigint NOT NULL DEFAULT 0;

-- An owner has a limited number of open groups.
CREATE INDEX rooms_owner ON rooms (owner) WHERE kind = 'group' AND closed_at IS NULL;

-- Rooms that end are looked at in the order of their ends.
DROP INDEX rooms_expiring;
DROP INDEX rooms_overdue;
CREATE INDEX rooms_ending ON rooms (expires_at, room) WHERE closed_at IS NULL AND expires_at IS NOT NULL;
