-- Layout 5: what a reply's header said.
-- A landed layout is never edited: a change is a further file.

-- Some of the reply's header fields as JSON; null where there are none.
ALTER TABLE attempt ADD COLUMN reply_headers TEXT;
