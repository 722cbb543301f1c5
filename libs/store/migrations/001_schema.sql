-- The schema. Times are Unix milliseconds. Names of rooms, ids and keys compare by their bytes
-- (COLLATE "C"): this is faster, and the same on all machines.

CREATE TABLE users (
  id text COLLATE "C" PRIMARY KEY,
  name text NOT NULL,
  -- NFKC, lower case: two spellings with the same key are one name or address.
  name_key text COLLATE "C" NOT NULL,
  mail text NOT NULL,
  mail_key text COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT users_name_unique UNIQUE (name_key),
  CONSTRAINT users_mail_unique UNIQUE (mail_key)
);

CREATE TABLE agents (
  id text COLLATE "C" PRIMARY KEY,
  name text NOT NULL,
  name_key text COLLATE "C" NOT NULL,
  password_hash text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT agents_name_unique UNIQUE (name_key)
);

CREATE TABLE customers (
  id text COLLATE "C" PRIMARY KEY,
  name text NOT NULL,
  channel text NOT NULL,
  -- JSON as text: jsonb cannot hold \u0000.
  metadata text,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE login_codes (
  account text COLLATE "C" PRIMARY KEY,
  hash text COLLATE "C" NOT NULL,
  expires_at bigint NOT NULL,
  wrong_tries integer NOT NULL DEFAULT 0
);
CREATE INDEX login_codes_expires_at ON login_codes (expires_at);

CREATE TABLE login_tickets (
  hash text COLLATE "C" PRIMARY KEY,
  mail text NOT NULL,
  expires_at bigint NOT NULL
);
CREATE INDEX login_tickets_expires_at ON login_tickets (expires_at);

CREATE TABLE login_families (
  id text COLLATE "C" PRIMARY KEY,
  user_id text COLLATE "C" NOT NULL,
  name text NOT NULL,
  kind text NOT NULL,
  secret_hash text COLLATE "C" NOT NULL,
  expires_at bigint NOT NULL,
  revoked boolean NOT NULL DEFAULT false
);
CREATE INDEX login_families_user_id ON login_families (user_id);
CREATE INDEX login_families_expires_at ON login_families (expires_at);

CREATE TABLE rooms (
  room text COLLATE "C" PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('group', 'pair', 'conv', 'dm')),
  title text NOT NULL,
  owner text COLLATE "C" NOT NULL,
  keep_history boolean NOT NULL,
  created_at bigint NOT NULL,
  expires_at bigint,
  closed_at bigint,
  closed_reason text CHECK (closed_reason IN ('expired', 'closed')),
  CHECK ((closed_at IS NULL) = (closed_reason IS NULL))
);
CREATE INDEX rooms_overdue ON rooms (expires_at) WHERE closed_at IS NULL AND expires_at IS NOT NULL;
CREATE INDEX rooms_expiring ON rooms (room) WHERE closed_at IS NULL AND expires_at IS NOT NULL;
CREATE INDEX rooms_closed_at ON rooms (closed_at) WHERE closed_at IS NOT NULL;
CREATE INDEX rooms_created_at ON rooms (created_at);

CREATE TABLE room_members (
  room text COLLATE "C" NOT NULL REFERENCES rooms ON DELETE CASCADE,
  user_id text COLLATE "C" NOT NULL,
  name text NOT NULL,
  -- The order in which they came.
  seq bigint GENERATED ALWAYS AS IDENTITY,
  PRIMARY KEY (room, user_id)
);
CREATE INDEX room_members_user_id ON room_members (user_id, room);

-- A row for each user with an open pair. The primary key keeps a user from having two.
CREATE TABLE pairs (
  user_id text COLLATE "C" PRIMARY KEY,
  room text COLLATE "C" NOT NULL REFERENCES rooms ON DELETE CASCADE,
  peer_id text COLLATE "C" NOT NULL,
  peer_name text NOT NULL,
  -- History is kept once both want it.
  wants_history boolean NOT NULL,
  CHECK (user_id <> peer_id)
);
CREATE INDEX pairs_room ON pairs (room);

CREATE TABLE pair_queue (
  user_id text COLLATE "C" PRIMARY KEY,
  name text NOT NULL,
  keep_history boolean NOT NULL,
  since bigint NOT NULL,
  seq bigint GENERATED ALWAYS AS IDENTITY
);
CREATE INDEX pair_queue_order ON pair_queue (since, seq);

CREATE TABLE conversations (
  room text COLLATE "C" PRIMARY KEY REFERENCES rooms ON DELETE CASCADE,
  subject text NOT NULL,
  state text NOT NULL CHECK (state IN ('queued', 'assigned', 'closed')),
  customer_id text COLLATE "C" NOT NULL,
  customer_name text NOT NULL,
  agent_id text COLLATE "C",
  agent_name text,
  created_at bigint NOT NULL,
  seq bigint GENERATED ALWAYS AS IDENTITY,
  CHECK ((agent_id IS NULL) = (agent_name IS NULL))
);
CREATE INDEX conversations_state ON conversations (state, created_at, seq);
CREATE INDEX conversations_agent ON conversations (agent_id, state, created_at);

-- Partitioned by month, so that an old month is dropped as files. ensurePartitions makes partitions
-- ahead; rows outside of them go to messages_default. An offset is taken once in a room, for ever:
-- append checks message_keys and room_tops.
CREATE TABLE messages (
  room text COLLATE "C" NOT NULL,
  "offset" bigint NOT NULL,
  epoch text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  sender text NOT NULL,
  -- A JSON string: PostgreSQL's text holds neither \u0000 nor lone surrogates.
  text text NOT NULL,
  data text,
  at bigint NOT NULL,
  PRIMARY KEY (room, "offset", at)
) PARTITION BY RANGE (at);
CREATE TABLE messages_default PARTITION OF messages DEFAULT;

-- Messages stored within the last hour, by id and by offset: they make append idempotent.
CREATE TABLE message_keys (
  room text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  "offset" bigint NOT NULL,
  epoch text COLLATE "C" NOT NULL,
  at bigint NOT NULL,
  stored_at bigint NOT NULL,
  PRIMARY KEY (room, id),
  UNIQUE (room, "offset")
);
CREATE INDEX message_keys_stored_at ON message_keys (stored_at);

-- A row for each room with stored messages, updated in place (hence the free space in its pages).
CREATE TABLE room_tops (
  room text COLLATE "C" PRIMARY KEY,
  top bigint NOT NULL,
  -- The stamp of the newest message.
  at bigint NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE cursors (
  user_id text COLLATE "C" NOT NULL,
  room text COLLATE "C" NOT NULL,
  delivered bigint NOT NULL,
  PRIMARY KEY (user_id, room)
) WITH (fillfactor = 70);
CREATE INDEX cursors_room ON cursors (room);

-- A log that every node follows by its numbers.
CREATE TABLE sanctions (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('login', 'token', 'user', 'ban', 'unban', 'disconnect')),
  subject text COLLATE "C" NOT NULL,
  reason text NOT NULL,
  at bigint NOT NULL,
  until bigint NOT NULL,
  -- The database's own clock. Reads go by it, whatever the clocks of the nodes say.
  added_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX sanctions_until ON sanctions (until);
CREATE INDEX sanctions_added_at ON sanctions (added_at);

CREATE TABLE seen (
  user_id text COLLATE "C" PRIMARY KEY,
  name text NOT NULL,
  kind text NOT NULL,
  last_seen bigint NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX seen_agents ON seen (user_id) WHERE kind = 'agent';
