-- A log of changes that take access to rooms away, or alter it. Every node follows it. Triggers
-- write it in the transaction of the change: nothing can take access away without an entry.
CREATE TABLE room_changes (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- Numbers become visible out of order. A reader finds unseen rows by their transaction and the
  -- snapshot of its last read.
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  room text COLLATE "C" NOT NULL,
  -- left: these users are no members any more. closed: the room is over. changed: its retention
  -- changed, or somebody came into a private room.
  change text NOT NULL CHECK (change IN ('left', 'closed', 'changed')),
  reason text CHECK (reason IN ('expired', 'closed')),
  -- For closed: the members of a private room, who are reached over their own channels. Empty for
  -- groups.
  users text[] NOT NULL DEFAULT '{}',
  -- The database's own clock. Rows live for an hour.
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

-- Gateways send messages of a private room to the members they know. A room that was just made is
-- known to none.
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
