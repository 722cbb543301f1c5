-- Events of the logs of rooms that are not messages (M7). `messages` and this table share the
-- offsets of a room. The previous version on this schema sees holes at these offsets: it reports them
-- as a loss (resync), never as messages.
CREATE TABLE room_events (
  room text COLLATE "C" NOT NULL,
  "offset" bigint NOT NULL,
  epoch text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  kind text NOT NULL,
  -- The offset of the message whose whole state the event carries, and the version of that state.
  -- Both are null if it changes no message.
  target bigint,
  version bigint,
  -- JSON of the whole event, also of kinds that no version knows.
  body text NOT NULL,
  at bigint NOT NULL,
  PRIMARY KEY (room, "offset"),
  CHECK ((target IS NULL) = (version IS NULL))
);
-- Finds the latest state of a message.
CREATE INDEX room_events_target ON room_events (room, target, version, "offset") WHERE target IS NOT NULL;
CREATE INDEX room_events_at ON room_events USING brin (at) WITH (autosummarize = on);
