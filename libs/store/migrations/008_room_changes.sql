-- A log of what takes access to rooms away, or changes it, that every node follows. Triggers write it, in the transaction of what they tell of: whatever
-- changes a room, and from wherever, nothing can take access away without it.
CREATE TABLE room_changes (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- Numbers become visible out of order. What a reader has not seen is told by the transaction, held against the reader's last snapshot.
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  room text COLLATE "C" NOT NULL,
  -- left: these users are members no more. closed: the room is over. changed: what it keeps is another, or somebody came into a private room.
  change text NOT NULL CHECK (change IN ('left', 'closed', 'changed')),
  reason text CHECK (reason IN ('expired', 'closed')),
  -- Of closed: the members of a private room, who are told over their own channels. Empty for groups.
  users text[] NOT NULL DEFAULT '{}',
  -- The database's own clock: rows live an hour by it.
  added_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CHECK ((change = 'closed') = (reason IS NOT NULL))
);
CREATE INDEX room_changes_xid ON room_changes (xid);
CREATE INDEX room_changes_added_at ON room_changes (added_at);

CREATE FUNCTION log_members_left() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO room_changes (room, change, users) SELECT room, 'left', array_agg(user_id) FROM gone GROUP BY room;
  RETURN NULL;
END $$;
CREATE TRIGGER room_members_left AFTER DELETE ON room_members REFERENCING OLD TABLE AS gone
  FOR EACH STATEMENT EXECUTE FUNCTION log_members_left();

-- Messages of private rooms go to the members that a gateway knows. A room that is just made is known to nobody.
CREATE FUNCTION log_members_came() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO room_changes (room, change)
  SELECT r.room, 'changed' FROM rooms r
   WHERE r.kind <> 'group' AND r.room IN (SELECT room FROM came)
     AND EXISTS (SELECT 1 FROM room_members m WHERE m.room = r.room AND m.user_id NOT IN (SELECT c.user_id FROM came c WHERE c.room = r.room));
  RETURN NULL;
END $$;
CREATE TRIGGER room_members_came AFTER INSERT ON room_members REFERENCING NEW TABLE AS came
  FOR EACH STATEMENT EXECUTE FUNCTION log_members_came();

CREATE FUNCTION log_room_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.closed_at IS NULL AND NEW.closed_at IS NOT NULL THEN
    INSERT INTO room_changes (room, change, reason, users)
    VALUES (NEW.room, 'closed', NEW.closed_reason,
            ARRAY(SELECT user_id FROM room_members WHERE room = NEW.room AND NEW.kind <> 'group'));
  ELSE
    INSERT INTO room_changes (room, change) VALUES (NEW.room, 'changed');
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER rooms_changed AFTER UPDATE OF closed_at, keep_history ON rooms FOR EACH ROW
  WHEN (OLD.closed_at IS DISTINCT FROM NEW.closed_at OR OLD.keep_history IS DISTINCT FROM NEW.keep_history)
  EXECUTE FUNCTION log_room_changed();

-- The log of sanctions is read the same way.
ALTER TABLE sanctions ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE INDEX sanctions_xid ON sanctions (xid);
CREATE INDEX sanctions_bans ON sanctions (subject, seq) WHERE kind IN ('ban', 'unban');
