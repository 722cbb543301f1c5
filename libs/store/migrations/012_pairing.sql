-- Users who may be paired although they do not wait. `place` is a random place in an order, so that
-- a few of them can be picked at random.
CREATE TABLE pair_findable (
  user_id text COLLATE "C" PRIMARY KEY,
  place double precision NOT NULL DEFAULT random()
);
CREATE INDEX pair_findable_place ON pair_findable (place);

-- The last partner of a user, and when that pair ended (Unix milliseconds).
CREATE TABLE pair_partners (
  user_id text COLLATE "C" PRIMARY KEY,
  partner_id text COLLATE "C" NOT NULL,
  ended_at bigint NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX pair_partners_ended_at ON pair_partners (ended_at);

-- A row of `pairs` is deleted by the statement that closes the room, whatever version of the program
-- runs it.
CREATE FUNCTION add_pair_partner() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO pair_partners (user_id, partner_id, ended_at)
  SELECT OLD.user_id, OLD.peer_id, r.closed_at FROM rooms r WHERE r.room = OLD.room AND r.closed_at IS NOT NULL
  ON CONFLICT (user_id) DO UPDATE SET partner_id = excluded.partner_id, ended_at = excluded.ended_at;
  RETURN NULL;
END $$;
CREATE TRIGGER partners_of_pairs AFTER DELETE ON pairs FOR EACH ROW EXECUTE FUNCTION add_pair_partner();

-- The pairs of the day before this migration.
INSERT INTO pair_partners (user_id, partner_id, ended_at)
SELECT DISTINCT ON (m.user_id) m.user_id, p.user_id, r.closed_at
  FROM rooms r JOIN room_members m USING (room) JOIN room_members p ON p.room = r.room AND p.user_id <> m.user_id
 WHERE r.kind = 'pair' AND r.closed_at > extract(epoch FROM clock_timestamp()) * 1000 - 86400000
 ORDER BY m.user_id, r.closed_at DESC;
