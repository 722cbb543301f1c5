-- Events: a row for each change of members, rooms, conversations, logins and bans. Triggers write
-- it in the transaction of the change, whatever version of the program makes the change. Rows live
-- for seven days. A message has no row here: its row in `messages` is the event.
CREATE TABLE events (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- Numbers become visible out of order. A reader finds unseen rows by their transaction and the
  -- snapshot of its last read.
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  -- There is no list of kinds here: a reader skips a kind that it does not know.
  -- libs/events/events.ts lists them all.
  kind text COLLATE "C" NOT NULL,
  -- Null: the event is about people, not about a room.
  room text COLLATE "C",
  -- The people concerned, in the order in which they came.
  users text[] NOT NULL DEFAULT '{}',
  payload jsonb NOT NULL DEFAULT '{}',
  -- The database's own clock.
  added_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX events_xid ON events (xid);
CREATE INDEX events_added_at ON events (added_at);

-- The position of each consumer that all processes share. A process holds a consumer while it
-- handles a page.
CREATE TABLE event_consumers (
  name text COLLATE "C" PRIMARY KEY,
  -- In the format of libs/store/transaction-log.ts.
  position text NOT NULL,
  holder text,
  held_until timestamptz NOT NULL DEFAULT '-infinity'
);
INSERT INTO event_consumers (name, position)
VALUES ('notices', concat_ws(' ', pg_current_snapshot(), (extract(epoch FROM clock_timestamp()) * 1000)::bigint,
                             (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint));

-- Adds an event of a room. The lock makes transactions with events of one room commit one after the
-- other, so that these become visible in the order of their numbers. If this transaction dropped
-- the room, no other can have it, and no lock is needed.
CREATE FUNCTION add_room_event(of_kind text, of_room text, of_users text[], of_payload jsonb DEFAULT '{}') RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(7250116, hashtext(of_room)) FROM rooms WHERE room = of_room;
  INSERT INTO events (kind, room, users, payload) VALUES (of_kind, of_room, of_users, of_payload);
END $$;

-- The first members open a room; later members join it.
CREATE FUNCTION add_members_came() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM add_room_event(
      CASE WHEN EXISTS (SELECT 1 FROM room_members m WHERE m.room = c.room AND m.seq < c.first) THEN 'member_joined' ELSE 'room_opened' END,
      c.room, c.users)
    FROM (SELECT room, min(seq) AS first, array_agg(user_id::text ORDER BY seq) AS users FROM came GROUP BY room ORDER BY room) AS c;
  RETURN NULL;
END $$;
CREATE TRIGGER events_of_members_came AFTER INSERT ON room_members REFERENCING NEW TABLE AS came
  FOR EACH STATEMENT EXECUTE FUNCTION add_members_came();

CREATE FUNCTION add_members_left() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM add_room_event('member_left', g.room, g.users)
    FROM (SELECT room, array_agg(user_id::text ORDER BY seq) AS users FROM gone GROUP BY room ORDER BY room) AS g;
  RETURN NULL;
END $$;
CREATE TRIGGER events_of_members_left AFTER DELETE ON room_members REFERENCING OLD TABLE AS gone
  FOR EACH STATEMENT EXECUTE FUNCTION add_members_left();

-- For a closed room: the members of a private one, who are reached over their own channels; nobody
-- of a group.
CREATE FUNCTION add_room_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.closed_at IS NULL AND NEW.closed_at IS NOT NULL THEN
    PERFORM add_room_event('room_closed', NEW.room,
      ARRAY(SELECT user_id::text FROM room_members WHERE room = NEW.room AND NEW.kind <> 'group' ORDER BY seq),
      jsonb_build_object('reason', NEW.closed_reason));
  ELSE
    PERFORM add_room_event('room_changed', NEW.room, '{}', jsonb_build_object('keepHistory', NEW.keep_history));
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER events_of_rooms AFTER UPDATE OF closed_at, keep_history ON rooms FOR EACH ROW
  WHEN (OLD.closed_at IS DISTINCT FROM NEW.closed_at OR OLD.keep_history IS DISTINCT FROM NEW.keep_history)
  EXECUTE FUNCTION add_room_changed();

-- One of a pair wants history and the other does not yet. Checked at the commit, because one
-- transaction may set both wishes.
CREATE FUNCTION add_history_asked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM pairs WHERE user_id = NEW.peer_id AND room = NEW.room AND wants_history) THEN
    PERFORM add_room_event('history_asked', NEW.room, ARRAY[NEW.user_id::text, NEW.peer_id::text]);
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER events_of_pairs AFTER INSERT OR UPDATE OF wants_history ON pairs DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (NEW.wants_history) EXECUTE FUNCTION add_history_asked();

CREATE FUNCTION add_conversation() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  before text := CASE WHEN TG_OP = 'UPDATE' THEN OLD.agent_id END;
BEGIN
  PERFORM add_room_event('conversation', NEW.room,
    ARRAY(SELECT DISTINCT id FROM unnest(ARRAY[NEW.customer_id, NEW.agent_id, before]) AS u (id) WHERE id IS NOT NULL ORDER BY id),
    jsonb_strip_nulls(jsonb_build_object(
      'state', NEW.state, 'subject', NEW.subject,
      'customer', jsonb_build_object('id', NEW.customer_id, 'name', NEW.customer_name),
      'agent', CASE WHEN NEW.agent_id IS NOT NULL THEN jsonb_build_object('id', NEW.agent_id, 'name', NEW.agent_name) END)));
  RETURN NULL;
END $$;
CREATE TRIGGER events_of_conversations_opened AFTER INSERT ON conversations FOR EACH ROW EXECUTE FUNCTION add_conversation();
CREATE TRIGGER events_of_conversations AFTER UPDATE OF state, agent_id ON conversations FOR EACH ROW EXECUTE FUNCTION add_conversation();

CREATE FUNCTION add_login() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO events (kind, users, payload) VALUES ('login_opened', ARRAY[NEW.user_id], jsonb_build_object('login', NEW.id, 'kind', NEW.kind));
  ELSE
    INSERT INTO events (kind, users, payload)
    VALUES ('login_ended', ARRAY[OLD.user_id],
            jsonb_build_object('login', OLD.id, 'kind', OLD.kind, 'reason', CASE TG_OP WHEN 'DELETE' THEN 'expired' ELSE 'revoked' END));
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER events_of_logins_opened AFTER INSERT ON login_families FOR EACH ROW EXECUTE FUNCTION add_login();
CREATE TRIGGER events_of_logins_revoked AFTER UPDATE OF revoked ON login_families FOR EACH ROW
  WHEN (NEW.revoked AND NOT OLD.revoked) EXECUTE FUNCTION add_login();
CREATE TRIGGER events_of_logins_over AFTER DELETE ON login_families FOR EACH ROW
  WHEN (NOT OLD.revoked) EXECUTE FUNCTION add_login();

CREATE FUNCTION add_revocation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO events (kind, users, payload)
  VALUES ('revocation', CASE WHEN NEW.kind IN ('login', 'token') THEN '{}' ELSE ARRAY[NEW.subject] END,
          jsonb_build_object('what', NEW.kind, 'subject', NEW.subject, 'reason', NEW.reason, 'at', NEW.at, 'until', NEW.until));
  RETURN NULL;
END $$;
CREATE TRIGGER events_of_revocations AFTER INSERT ON sanctions FOR EACH ROW EXECUTE FUNCTION add_revocation();
