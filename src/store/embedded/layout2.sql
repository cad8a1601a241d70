-- Layout 2: health of endpoints, notices, replays, inboxes, and the order of released events.
-- A landed layout is never edited: a change is a further file.

-- How each endpoint fares, and its place in line: when the first of its queue may be taken, which is null while nothing
-- waits or its endpoint is not active. Those with failures are a line of their own. `full_until` is when the first of its
-- attempts under way must have ended, where there may be no further one.
CREATE TABLE endpoint_health (
    endpoint_id   TEXT PRIMARY KEY,
    account_id    TEXT NOT NULL,
    due_at        INTEGER,
    hold_until    INTEGER,
    pace_ms       INTEGER NOT NULL DEFAULT 0,
    failures      INTEGER NOT NULL DEFAULT 0,
    failing_since INTEGER,
    successes     INTEGER NOT NULL DEFAULT 0,
    full_until    INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX endpoint_due ON endpoint_health ((failures > 0), due_at) WHERE due_at IS NOT NULL;

-- Deliveries were in line themselves before, and those of paused endpoints parked.
DROP INDEX delivery_due;
DROP INDEX delivery_open;
CREATE INDEX delivery_queue ON delivery (endpoint_id, due_at) WHERE state = 0;
CREATE INDEX delivery_claimed ON delivery (endpoint_id, due_at) WHERE state = 0 AND claim IS NOT NULL;

INSERT INTO endpoint_health (endpoint_id, account_id, due_at)
SELECT e.id, e.account_id,
       iif(e.status = 0, (SELECT min(d.due_at) FROM delivery d WHERE d.endpoint_id = e.id AND d.state = 0), NULL)
FROM endpoint e;

-- What happened to endpoints and deliveries and is still to be told to the operator. Details are JSON.
CREATE TABLE notice (
    id         TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    kind       TEXT NOT NULL,
    at         INTEGER NOT NULL,
    details    TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX notice_account ON notice (account_id);
CREATE INDEX notice_at ON notice (at);

CREATE INDEX event_released ON event (account_id, sequence) WHERE state = 1;

CREATE INDEX delivery_dead ON delivery (id) WHERE state = 2;
CREATE INDEX delivery_account ON delivery (account_id, id);

-- Replays of many deliveries. State: 0 running, 1 done, 2 cancelled; `job` is its scope as JSON.
CREATE TABLE replay_job (
    id            TEXT PRIMARY KEY,
    account_id    TEXT,
    job           TEXT NOT NULL,
    state         INTEGER NOT NULL,
    cursor        TEXT,
    done          INTEGER NOT NULL,
    claim         TEXT,
    claimed_until INTEGER,
    created_at    INTEGER NOT NULL,
    finished_at   INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX replay_job_running ON replay_job (id) WHERE state = 0;
CREATE INDEX replay_job_account ON replay_job (account_id) WHERE account_id IS NOT NULL;

CREATE INDEX api_key_expiry ON api_key (expires_at) WHERE expires_at IS NOT NULL AND revoked_at IS NULL;

-- Inboxes of the simulator, and what they caught: JSON.
CREATE TABLE inbox (
    id           TEXT PRIMARY KEY,
    token_digest BLOB NOT NULL UNIQUE,
    account_id   TEXT NOT NULL,
    secret       TEXT NOT NULL,
    expires_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX inbox_account ON inbox (account_id, expires_at);
CREATE INDEX inbox_expiry ON inbox (expires_at);

CREATE TABLE inbox_message (
    inbox_id TEXT NOT NULL,
    number   INTEGER NOT NULL,
    message  TEXT NOT NULL,
    PRIMARY KEY (inbox_id, number)
) STRICT, WITHOUT ROWID;
