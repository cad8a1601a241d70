-- An account with 1,000 keys and a year of usage: days of each key, hours of the last eight days of each and of the last 35
-- of all, endpoints, refusals by code. :now is in ms, :day and :hour are the present UTC day and hour.
INSERT INTO account VALUES ('acct_large', 'standard', '{}', 0, :now, NULL);

CREATE TEMP TABLE key_of (n INTEGER PRIMARY KEY, id TEXT NOT NULL);
INSERT INTO key_of
WITH RECURSIVE k (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM k WHERE n < 999)
SELECT n, printf('key_%032x', n) FROM k;

INSERT INTO api_key (id, account_id, name, scopes, created_at, expires_at, last_used_at, last_used_ip, disabled, revoked_at,
                     allowed_ips, prefix, last_four, revision)
SELECT id, 'acct_large', 'Key ' || n, '["contacts:read","deals:write"]', :now - n * 3600000,
       iif(n % 3 = 0, :now + n * 86400000, NULL), :now - n * 1000, '203.0.113.7', n % 17 = 0,
       iif(n % 11 = 0, :now, NULL), '[]', 'lf_live', printf('%04x', n), 1
FROM key_of;
INSERT INTO key_secret
SELECT CAST(printf('%032d', n) AS BLOB), id, 0, '{"pepper":"p1"}', NULL FROM key_of;

-- Class 2 of all, 0 of all, 5 of each tenth.
INSERT INTO usage
WITH RECURSIVE
    d (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM d WHERE n < 364),
    c (class) AS (VALUES (2), (0), (5))
SELECT 1, :day - d.n * 86400000, 'acct_large', k.id, class, 1 + (k.n * 7 + d.n * 3 + class) % 90, 100, 2000, 30000
FROM d, c, key_of k WHERE class <> 5 OR k.n % 10 = 0;
INSERT INTO usage
WITH RECURSIVE
    h (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM h WHERE n < 191),
    c (class) AS (VALUES (2), (0))
SELECT 0, :hour - h.n * 3600000, 'acct_large', k.id, class, 1 + (k.n * 7 + h.n) % 9, 100, 2000, 30000
FROM h, c, key_of k;
INSERT INTO usage
SELECT span, start, account_id, '', class, sum(requests), sum(bytes_in), sum(bytes_out), sum(upstream_us)
FROM usage WHERE key_id <> '' GROUP BY span, start, class;
INSERT INTO usage
WITH RECURSIVE
    h (n) AS (SELECT 192 UNION ALL SELECT n + 1 FROM h WHERE n < 839),
    c (class) AS (VALUES (2), (0), (4))
SELECT 0, :hour - h.n * 3600000, 'acct_large', '', class, 5000, 100, 2000, 30000 FROM h, c;
INSERT INTO usage
SELECT span, start, '', '', class, requests, bytes_in, bytes_out, upstream_us FROM usage WHERE key_id = '' AND account_id <> '';

INSERT INTO usage_total
SELECT 0, start, account_id, sum(requests) FROM usage
WHERE span = 0 AND key_id = '' AND account_id <> '' AND class > 0 GROUP BY start, account_id;
INSERT INTO usage_total
SELECT 2, unixepoch(start / 1000, 'unixepoch', 'start of month') * 1000, account_id, sum(requests) FROM usage
WHERE span = 1 AND key_id = '' AND account_id <> '' AND class > 0 GROUP BY 2, 3;

INSERT INTO usage_endpoint
WITH RECURSIVE
    d (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM d WHERE n < 364),
    r (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM r WHERE n < 29)
SELECT 1, :day - d.n * 86400000, 'acct_large', '/v1/things' || r.n || '/{id}', 'GET', 1 + r.n * d.n % 70, r.n % 5 FROM d, r;
INSERT INTO usage_endpoint
WITH RECURSIVE
    h (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM h WHERE n < 839),
    r (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM r WHERE n < 29)
SELECT 0, :hour - h.n * 3600000, 'acct_large', '/v1/things' || r.n || '/{id}', 'GET', 1 + r.n * h.n % 70, r.n % 5 FROM h, r;

-- Each key calls three of them.
INSERT INTO usage_caller
WITH RECURSIVE
    d (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM d WHERE n < 364),
    r (n) AS (VALUES (0), (1), (2))
SELECT '/v1/things' || ((k.n + r.n) % 30) || '/{id}', 1, :day - d.n * 86400000, 'acct_large', k.id, 1 + k.n % 9, :now FROM r, d, key_of k;
INSERT INTO usage_caller
WITH RECURSIVE
    h (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM h WHERE n < 191),
    r (n) AS (VALUES (0), (1), (2))
SELECT '/v1/things' || ((k.n + r.n) % 30) || '/{id}', 0, :hour - h.n * 3600000, 'acct_large', k.id, 1 + k.n % 9, :now FROM r, h, key_of k;

INSERT INTO usage_rejection
WITH c (code, part) AS (VALUES ('rate_limited', 2), ('insufficient_scope', 4), ('quota_exceeded', 8))
SELECT account_id, span, start, code, requests / part FROM usage, c
WHERE key_id = '' AND account_id <> '' AND class = 0;

INSERT INTO usage_key
SELECT account_id, 1, start, key_id,
       sum(iif(class > 0, requests, 0)), sum(iif(class >= 4, requests, 0)), sum(iif(class = 0, requests, 0))
FROM usage WHERE span = 1 AND key_id <> '' GROUP BY account_id, start, key_id;
INSERT INTO usage_key
SELECT account_id, 2, unixepoch(start / 1000, 'unixepoch', 'start of month') * 1000, key_id,
       sum(requests), sum(errors), sum(rejected)
FROM usage_key WHERE span = 1 GROUP BY 1, 3, 4;
