-- A refresh secret has a generation. `secret_hash` is the hash of the present one. `earlier` is
-- JSON: the earlier secrets that are still accepted, the newest first, each as
-- {"hash","generation","until"}. until null: accepted until the present secret is used.
ALTER TABLE login_families ADD COLUMN generation integer NOT NULL DEFAULT 0;
ALTER TABLE login_families ADD COLUMN earlier text NOT NULL DEFAULT '[]';

-- Codes that were requested. `id`: the hash of the attempt. `asker`: a keyed hash of the asking
-- browser or address. Tries that name the attempt are counted apart from the others: another user
-- of the same address cannot use up the tries of the asker.
CREATE TABLE login_attempts (
  id text COLLATE "C" PRIMARY KEY,
  account text COLLATE "C" NOT NULL,
  asker text COLLATE "C" NOT NULL,
  hash text COLLATE "C" NOT NULL,
  expires_at bigint NOT NULL,
  named_tries integer NOT NULL DEFAULT 0,
  other_tries integer NOT NULL DEFAULT 0,
  seq bigint GENERATED ALWAYS AS IDENTITY
);
CREATE INDEX login_attempts_account ON login_attempts (account, asker, seq);
CREATE INDEX login_attempts_expires_at ON login_attempts (expires_at);

-- Wrong tries of an account or a device, in a window that begins with the first one.
CREATE TABLE login_tries (
  subject text COLLATE "C" PRIMARY KEY,
  wrong integer NOT NULL,
  until bigint NOT NULL
);
CREATE INDEX login_tries_until ON login_tries (until);

-- Answers to requests with an Idempotency-Key. `scope`: the hash of the user, the route and the
-- key. `answer` is sealed; null: the request is under way.
CREATE TABLE idempotent_answers (
  scope text COLLATE "C" PRIMARY KEY,
  request_hash text COLLATE "C" NOT NULL,
  claim text COLLATE "C" NOT NULL,
  claimed_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  answer text
);
CREATE INDEX idempotent_answers_expires_at ON idempotent_answers (expires_at);

-- A customer may have a limited number of open conversations.
CREATE INDEX conversations_customer ON conversations (customer_id, created_at) WHERE state <> 'closed';
