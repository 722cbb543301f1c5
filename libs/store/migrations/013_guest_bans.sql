-- The ban of a guest or customer holds for their browser, too (A17).

-- The hash of the id in the browser's cookie. Null: the login of an account, or one that an earlier
-- version opened.
ALTER TABLE login_families ADD COLUMN browser text COLLATE "C";
CREATE INDEX login_families_browser ON login_families (browser) WHERE browser IS NOT NULL;

-- Of a ban: the browsers of the user (`browser HASH`: no user id has a space), and the other guests
-- and customers of these browsers.
ALTER TABLE sanctions ADD COLUMN covers text[] NOT NULL DEFAULT '{}';
