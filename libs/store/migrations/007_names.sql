-- The names of accounts and agents, by a key that is the same for all spellings. The program fills
-- it, the oldest name first: if two old names share a key, the older one has it, and both stay.
CREATE TABLE taken_names (
  name_key text COLLATE "C" PRIMARY KEY,
  owner text COLLATE "C" NOT NULL UNIQUE
);

-- Names that a new name must not look like.
CREATE INDEX seen_guarded ON seen (user_id) WHERE kind IN ('agent', 'service', 'moderator');
