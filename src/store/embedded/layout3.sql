-- Layout 3: sessions of the portal, alerts and their mails, uses of old secrets, refusals by code and totals of keys.
-- A landed layout is never edited: a change is a further file.

-- Sessions of the portal: JSON, with digests only.
CREATE TABLE portal_session (
    id         TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    session    TEXT NOT NULL,
    revision   INTEGER NOT NULL,
    ends_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX portal_session_account ON portal_session (account_id, ends_at);
CREATE INDEX portal_session_end ON portal_session (ends_at);

-- Which marks of usage an account is told of, and who is: JSON.
CREATE TABLE alert (
    account_id TEXT PRIMARY KEY,
    settings   TEXT NOT NULL,
    revision   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- State: 0 waits, 1 sent, 2 failed. A mail that was sent stays as the mark that it was, until `kept_until`.
CREATE TABLE mail (
    id         TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    mail       TEXT NOT NULL,
    state      INTEGER NOT NULL,
    attempts   INTEGER NOT NULL,
    due_at     INTEGER,
    claim      TEXT,
    kept_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX mail_due ON mail (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX mail_account ON mail (account_id);
CREATE INDEX mail_kept ON mail (kept_until);

-- When a secret of a key was last used that a rotation had replaced.
CREATE TABLE previous_use (
    key_id     TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    at         INTEGER NOT NULL,
    ip         TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX previous_use_account ON previous_use (account_id);

-- Refused requests of an account by the code of the refusal. Span 0 UTC hours, 1 UTC days.
CREATE TABLE usage_rejection (
    account_id TEXT NOT NULL,
    span       INTEGER NOT NULL,
    start      INTEGER NOT NULL,
    code       TEXT NOT NULL,
    requests   INTEGER NOT NULL,
    PRIMARY KEY (account_id, span, start, code)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_rejection_start ON usage_rejection (span, start);

-- What each key did, so that the busiest are found without their hours. Span 1 UTC days, 2 UTC months.
CREATE TABLE usage_key (
    account_id TEXT NOT NULL,
    span       INTEGER NOT NULL,
    start      INTEGER NOT NULL,
    key_id     TEXT NOT NULL,
    requests   INTEGER NOT NULL,
    errors     INTEGER NOT NULL,
    rejected   INTEGER NOT NULL,
    PRIMARY KEY (account_id, span, start, key_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_key_start ON usage_key (span, start);

INSERT INTO usage_key
SELECT account_id, 1, start, key_id,
       sum(iif(class > 0, requests, 0)), sum(iif(class >= 4, requests, 0)), sum(iif(class = 0, requests, 0))
FROM usage WHERE span = 1 AND key_id <> '' AND account_id <> ''
GROUP BY account_id, start, key_id;
INSERT INTO usage_key
SELECT account_id, 2, unixepoch(start / 1000, 'unixepoch', 'start of month') * 1000, key_id,
       sum(requests), sum(errors), sum(rejected)
FROM usage_key WHERE span = 1
GROUP BY 1, 3, 4;
