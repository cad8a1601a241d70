-- Layout 1. Times are milliseconds since the Unix epoch, booleans 0 or 1, lists JSON.
-- A landed layout is never edited: a change is a further file.

CREATE TABLE account (
    id         TEXT PRIMARY KEY,
    plan       TEXT NOT NULL,
    overrides  TEXT NOT NULL,
    suspended  INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    -- What the audit log names instead once the account is erased; set while it is being erased.
    pseudonym  TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX account_erasing ON account (id) WHERE pseudonym IS NOT NULL;
CREATE INDEX account_plan ON account (plan);

-- SHA-256 of ids of erased accounts, for as long as a request or a flush that began before may still come in.
CREATE TABLE erased (
    digest BLOB PRIMARY KEY,
    at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE api_key (
    id           TEXT PRIMARY KEY,
    account_id   TEXT NOT NULL,
    name         TEXT NOT NULL,
    scopes       TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    last_used_at INTEGER,
    last_used_ip TEXT,
    disabled     INTEGER NOT NULL,
    revoked_at   INTEGER,
    allowed_ips  TEXT NOT NULL,
    prefix       TEXT NOT NULL,
    last_four    TEXT NOT NULL,
    revision     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- Also answers how many keys of an account live, from the index alone.
CREATE INDEX api_key_account ON api_key (account_id, id, revoked_at, expires_at);

CREATE TABLE key_secret (
    digest      BLOB PRIMARY KEY,
    key_id      TEXT NOT NULL,
    position    INTEGER NOT NULL,
    kind        TEXT NOT NULL,
    valid_until INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX key_secret_key ON key_secret (key_id, position);

CREATE TABLE audit (
    id         TEXT PRIMARY KEY,
    at         INTEGER NOT NULL,
    token      TEXT NOT NULL,
    actor      TEXT,
    address    TEXT,
    action     TEXT NOT NULL,
    account_id TEXT,
    target     TEXT,
    details    TEXT NOT NULL,
    request_id TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_account ON audit (account_id, id) WHERE account_id IS NOT NULL;
CREATE INDEX audit_target ON audit (target, id) WHERE target IS NOT NULL;
CREATE INDEX audit_action ON audit (action, id);

CREATE TABLE answer (
    key            TEXT PRIMARY KEY,
    request_digest BLOB NOT NULL,
    status         INTEGER NOT NULL,
    body           TEXT NOT NULL,
    expires_at     INTEGER NOT NULL,
    account_id     TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX answer_expiry ON answer (expires_at);
CREATE INDEX answer_account ON answer (account_id) WHERE account_id IS NOT NULL;

-- Usage by span: 0 UTC hours, 1 UTC days. The start comes first, so that what is written now lies together and what
-- is pruned lies together; a series seeks once per start. Rows with an empty key are an account's sums, those with an
-- empty account everyone's.
CREATE TABLE usage (
    span        INTEGER NOT NULL,
    start       INTEGER NOT NULL,
    account_id  TEXT NOT NULL,
    key_id      TEXT NOT NULL,
    class       INTEGER NOT NULL,
    requests    INTEGER NOT NULL,
    bytes_in    INTEGER NOT NULL,
    bytes_out   INTEGER NOT NULL,
    upstream_us INTEGER NOT NULL,
    PRIMARY KEY (span, start, account_id, key_id, class)
) STRICT, WITHOUT ROWID;

-- Requests sent upstream, what quotas compare with. Span 0 UTC hours, 2 UTC months.
CREATE TABLE usage_total (
    span       INTEGER NOT NULL,
    start      INTEGER NOT NULL,
    account_id TEXT NOT NULL,
    requests   INTEGER NOT NULL,
    PRIMARY KEY (span, start, account_id)
) STRICT, WITHOUT ROWID;

-- Most called endpoints; an empty account for everyone's sums.
CREATE TABLE usage_endpoint (
    span       INTEGER NOT NULL,
    start      INTEGER NOT NULL,
    account_id TEXT NOT NULL,
    route      TEXT NOT NULL,
    method     TEXT NOT NULL,
    requests   INTEGER NOT NULL,
    errors     INTEGER NOT NULL,
    PRIMARY KEY (span, start, account_id, route, method)
) STRICT, WITHOUT ROWID;

-- Who calls a route.
CREATE TABLE usage_caller (
    route      TEXT NOT NULL,
    span       INTEGER NOT NULL,
    start      INTEGER NOT NULL,
    account_id TEXT NOT NULL,
    key_id     TEXT NOT NULL,
    requests   INTEGER NOT NULL,
    last_at    INTEGER NOT NULL,
    PRIMARY KEY (route, span, start, account_id, key_id)
) STRICT, WITHOUT ROWID;

-- How far each process's batches are applied: `pieces` of the one of this sequence, or the `whole` of it.
CREATE TABLE usage_marker (
    boot_id  TEXT PRIMARY KEY,
    sequence INTEGER NOT NULL,
    pieces   INTEGER NOT NULL,
    whole    INTEGER NOT NULL,
    at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE account_sequence (
    account_id TEXT PRIMARY KEY,
    last       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- State: 0 pending, 1 released, 2 unresolved. The position orders lists, since publishers choose their own ids.
CREATE TABLE event (
    position    INTEGER PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,
    account_id  TEXT NOT NULL,
    type        TEXT NOT NULL,
    occurred_at INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    state       INTEGER NOT NULL,
    sequence    INTEGER,
    data        TEXT,
    truncated   INTEGER NOT NULL,
    request_id  TEXT,
    route       TEXT,
    method      TEXT,
    status      INTEGER,
    resource_id TEXT,
    conditional INTEGER NOT NULL
) STRICT;
CREATE INDEX event_account ON event (account_id, position);
CREATE INDEX event_type ON event (type, position);
CREATE INDEX event_pending ON event (recorded_at) WHERE state = 0;
CREATE INDEX event_unresolved ON event (position) WHERE state = 2;

-- Status: 0 active, 1 paused, 2 disabled.
CREATE TABLE endpoint (
    id              TEXT PRIMARY KEY,
    account_id      TEXT NOT NULL,
    url             TEXT NOT NULL,
    event_types     TEXT NOT NULL,
    description     TEXT,
    status          INTEGER NOT NULL,
    disabled_reason TEXT,
    created_at      INTEGER NOT NULL,
    secrets         TEXT NOT NULL,
    revision        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX endpoint_account ON endpoint (account_id, id);

-- Endpoints that were resumed, disabled or deleted and whose unfinished deliveries do not all know it yet: those are
-- brought in line piece by piece, so that no transaction grows with the backlog of an endpoint.
CREATE TABLE endpoint_unsettled (
    endpoint_id TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- State: 0 pending, 1 succeeded, 2 failed, 3 cancelled. `due_at` is when it may be taken next: its next attempt, or
-- the end of the claim that it is under. A parked one waits for its paused endpoint and is not looked at. `queued_at` is
-- when its present schedule began.
CREATE TABLE delivery (
    id              TEXT PRIMARY KEY,
    event_id        TEXT NOT NULL,
    endpoint_id     TEXT NOT NULL,
    account_id      TEXT NOT NULL,
    event_type      TEXT NOT NULL,
    state           INTEGER NOT NULL,
    attempts        INTEGER NOT NULL,
    next_attempt_at INTEGER,
    created_at      INTEGER NOT NULL,
    queued_at       INTEGER NOT NULL,
    finished_at     INTEGER,
    due_at          INTEGER,
    claim           TEXT,
    parked          INTEGER NOT NULL DEFAULT 0,
    UNIQUE (event_id, endpoint_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX delivery_endpoint ON delivery (endpoint_id, id);
CREATE INDEX delivery_due ON delivery (due_at) WHERE state = 0 AND parked = 0;
CREATE INDEX delivery_open ON delivery (endpoint_id, parked) WHERE state = 0;
CREATE INDEX delivery_pending ON delivery (queued_at) WHERE state = 0;
CREATE INDEX delivery_finished ON delivery (finished_at) WHERE state <> 0;

CREATE TABLE attempt (
    delivery_id   TEXT NOT NULL,
    number        INTEGER NOT NULL,
    at            INTEGER NOT NULL,
    status        INTEGER,
    latency_ms    INTEGER NOT NULL,
    error         TEXT,
    reply_excerpt TEXT,
    PRIMARY KEY (delivery_id, number)
) STRICT, WITHOUT ROWID;

-- Counts that would be scans otherwise; triggers keep them, so no statement can forget to.
CREATE TABLE tally (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO tally VALUES ('pending_deliveries', 0), ('unresolved_events', 0);

CREATE TRIGGER delivery_made AFTER INSERT ON delivery WHEN new.state = 0 BEGIN
    UPDATE tally SET value = value + 1 WHERE name = 'pending_deliveries';
END;
CREATE TRIGGER delivery_moved AFTER UPDATE OF state ON delivery WHEN (old.state = 0) <> (new.state = 0) BEGIN
    UPDATE tally SET value = value + iif(new.state = 0, 1, -1) WHERE name = 'pending_deliveries';
END;
CREATE TRIGGER delivery_gone AFTER DELETE ON delivery WHEN old.state = 0 BEGIN
    UPDATE tally SET value = value - 1 WHERE name = 'pending_deliveries';
END;
CREATE TRIGGER event_moved AFTER UPDATE OF state ON event WHEN (old.state = 2) <> (new.state = 2) BEGIN
    UPDATE tally SET value = value + iif(new.state = 2, 1, -1) WHERE name = 'unresolved_events';
END;
CREATE TRIGGER event_gone AFTER DELETE ON event WHEN old.state = 2 BEGIN
    UPDATE tally SET value = value - 1 WHERE name = 'unresolved_events';
END;

CREATE TABLE probe (
    id     INTEGER PRIMARY KEY,
    filler BLOB NOT NULL
) STRICT;
