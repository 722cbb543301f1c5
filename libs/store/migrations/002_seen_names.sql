-- Moderators look people up by the beginning of their name (A13).
CREATE INDEX seen_names ON seen (lower(name) text_pattern_ops);
