-- Layout 4: how many requests had an old secret of a key, when and from where.
-- A landed layout is never edited: a change is a further file.

-- Uses of old secrets since the last rotation of a key: JSON.
CREATE TABLE previous_uses (
    key_id     TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    uses       TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX previous_uses_account ON previous_uses (account_id);

-- Of those that were noted before only the last is known.
INSERT INTO previous_uses
SELECT key_id, account_id, json_object(
    'accepted', json_object(
        'requests', 1,
        'hours', json('[]'),
        'addresses', json_array(json_object('ip', ip, 'at', strftime('%Y-%m-%dT%H:%M:%fZ', at / 1000.0, 'unixepoch'), 'requests', 1))),
    'refused', json('{"requests":0,"hours":[],"addresses":[]}'))
FROM previous_use WHERE ip IS NOT NULL;
DROP TABLE previous_use;
