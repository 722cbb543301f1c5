-- Lists are read page by page, in the order of an index.
CREATE INDEX conversations_order ON conversations (created_at, seq);
CREATE INDEX conversations_agent_order ON conversations (agent_id, created_at, seq);
CREATE INDEX conversations_agent_state ON conversations (agent_id, state, created_at, seq);
DROP INDEX conversations_agent;

-- People by the beginning of their name (A13), sorted by name.
CREATE INDEX seen_names_order ON seen ((lower(name) COLLATE "C"), user_id);
DROP INDEX seen_names;
