-- Names that accounts and agents have, by the key that is one for all spellings of a name. Filled in the order in which they were made, by the program: of
-- two old names that are one by this key the older has it, and both stay.
CREATE TABLE taken_names (
  name_key text COLLATE "C" PRIMARY KEY,
  owner text COLLATE "C" NOT NULL UNIQUE
);

-- Whose names nobody's may look like.
CREATE INDEX seen_guarded ON seen (user_id) WHERE kind IN ('agent', 'service', 'moderator');
