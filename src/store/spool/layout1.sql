-- Layout 1. Times are milliseconds since the Unix epoch.
-- A landed layout is never edited: a change is a further file.

-- Writes that wait for the store, in the order in which they are to be made. Lane: 0 usage, 1 events. Positions are never
-- used twice, so that the largest one ever given tells what came before it.
CREATE TABLE entry (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    lane     INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    -- Batches of usage, or events recorded or settled.
    items    INTEGER NOT NULL,
    body     BLOB NOT NULL
) STRICT;
CREATE INDEX entry_lane ON entry (lane);

-- Writes that the store would not take for what they are. Kept; the next start tries them once more.
CREATE TABLE refused (
    position INTEGER PRIMARY KEY,
    lane     INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    items    INTEGER NOT NULL,
    body     BLOB NOT NULL,
    cause    TEXT NOT NULL
) STRICT;

-- Counts that would be scans otherwise; triggers keep them, so no statement can forget to.
CREATE TABLE tally (
    lane    INTEGER PRIMARY KEY,
    entries INTEGER NOT NULL,
    items   INTEGER NOT NULL,
    bytes   INTEGER NOT NULL,
    refused INTEGER NOT NULL
) STRICT;
INSERT INTO tally VALUES (0, 0, 0, 0, 0), (1, 0, 0, 0, 0);

CREATE TRIGGER entry_made AFTER INSERT ON entry BEGIN
    UPDATE tally SET entries = entries + 1, items = items + new.items, bytes = bytes + length(new.body)
        WHERE lane = new.lane;
END;
CREATE TRIGGER entry_gone AFTER DELETE ON entry BEGIN
    UPDATE tally SET entries = entries - 1, items = items - old.items, bytes = bytes - length(old.body)
        WHERE lane = old.lane;
END;
CREATE TRIGGER refused_made AFTER INSERT ON refused BEGIN
    UPDATE tally SET refused = refused + new.items, bytes = bytes + length(new.body) WHERE lane = new.lane;
END;
CREATE TRIGGER refused_gone AFTER DELETE ON refused BEGIN
    UPDATE tally SET refused = refused - old.items, bytes = bytes - length(old.body) WHERE lane = old.lane;
END;

CREATE TABLE probe (
    id     INTEGER PRIMARY KEY,
    filler BLOB NOT NULL
) STRICT;
