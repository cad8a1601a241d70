//! Whether the rows of a sound file agree with each other: references, digests and sums; never whether the file is damaged.

use rusqlite::Connection;

use super::fail::Done;
use super::rows::all;

/// Offending rows that are named of each kind.
const NAMED: usize = 3;

/// What must not be found: words for it, and a query that names each row that is wrong.
struct Rule {
    what: &'static str,
    query: &'static str,
}

const RULES: [Rule; 19] = [
    Rule {
        what: "keys of an account that is not there",
        query: "SELECT id FROM api_key k WHERE NOT EXISTS (SELECT 1 FROM account a WHERE a.id = k.account_id)",
    },
    Rule {
        what: "keys without a digest",
        query: "SELECT id FROM api_key k WHERE NOT EXISTS (SELECT 1 FROM key_secret s WHERE s.key_id = k.id)",
    },
    Rule {
        what: "digests of a key that is not there",
        query: "SELECT lower(hex(digest)) FROM key_secret s WHERE NOT EXISTS (SELECT 1 FROM api_key k WHERE k.id = s.key_id)",
    },
    Rule {
        what: "digests that are not 32 bytes",
        query: "SELECT lower(hex(digest)) FROM key_secret WHERE length(digest) <> 32",
    },
    Rule {
        what: "digests of no known kind",
        query: "SELECT lower(hex(digest)) FROM key_secret WHERE NOT json_valid(kind)",
    },
    Rule {
        what: "answers whose request has no SHA-256",
        query: "SELECT key FROM answer WHERE length(request_digest) <> 32",
    },
    Rule {
        what: "released events without a sequence number, or others with one",
        query: "SELECT id FROM event WHERE (state = 1) <> (sequence IS NOT NULL)",
    },
    Rule {
        what: "events with a sequence number that their account has not given yet",
        query: "SELECT id FROM event e LEFT JOIN account_sequence s ON s.account_id = e.account_id
                WHERE e.sequence > ifnull(s.last, 0)",
    },
    Rule {
        what: "events with the sequence number of another",
        query: "SELECT min(id) FROM event WHERE sequence IS NOT NULL GROUP BY account_id, sequence HAVING count(*) > 1",
    },
    Rule {
        what: "deliveries of an event that is not there",
        query: "SELECT id FROM delivery d WHERE NOT EXISTS (SELECT 1 FROM event e WHERE e.id = d.event_id)",
    },
    // An endpoint may be deleted before its deliveries are cancelled; then it is known to be unsettled.
    Rule {
        what: "unfinished deliveries to an endpoint that is not there",
        query: "SELECT id FROM delivery d WHERE state = 0
                AND NOT EXISTS (SELECT 1 FROM endpoint e WHERE e.id = d.endpoint_id)
                AND NOT EXISTS (SELECT 1 FROM endpoint_unsettled u WHERE u.endpoint_id = d.endpoint_id)",
    },
    Rule {
        what: "endpoints without a place in line",
        query: "SELECT id FROM endpoint e WHERE NOT EXISTS (SELECT 1 FROM endpoint_health h WHERE h.endpoint_id = e.id)",
    },
    Rule {
        what: "attempts of a delivery that is not there",
        query: "SELECT delivery_id FROM attempt a WHERE NOT EXISTS (SELECT 1 FROM delivery d WHERE d.id = a.delivery_id)",
    },
    Rule {
        what: "messages of an inbox that is not there",
        query: "SELECT inbox_id FROM inbox_message m WHERE NOT EXISTS (SELECT 1 FROM inbox i WHERE i.id = m.inbox_id)",
    },
    Rule {
        what: "uses of old secrets of a key that is not there",
        query: "SELECT key_id FROM previous_uses u WHERE NOT EXISTS (SELECT 1 FROM api_key k WHERE k.id = u.key_id)",
    },
    Rule {
        what: "counts that are not what they count",
        query: "SELECT name FROM tally WHERE value <> CASE name
                    WHEN 'pending_deliveries' THEN (SELECT count(*) FROM delivery WHERE state = 0)
                    WHEN 'unresolved_events' THEN (SELECT count(*) FROM event WHERE state = 2) END",
    },
    Rule {
        what: "hours whose total is not the sum of their requests",
        query: "SELECT t.account_id || ' ' || t.start FROM usage_total t WHERE t.span = 0 AND t.requests <>
                (SELECT ifnull(sum(u.requests), 0) FROM usage u
                 WHERE u.span = 0 AND u.start = t.start AND u.account_id = t.account_id AND u.key_id = '' AND u.class > 0)",
    },
    Rule {
        what: "days whose totals of keys are not the sum of their requests and refusals",
        query: "SELECT ifnull(k.account_id, u.account_id) || ' ' || ifnull(k.start, u.start)
                FROM (SELECT account_id, start, sum(requests) AS requests, sum(errors) AS errors, sum(rejected) AS rejected
                      FROM usage_key WHERE span = 1 GROUP BY account_id, start) k
                FULL JOIN (SELECT account_id, start, sum(iif(class > 0, requests, 0)) AS requests,
                           sum(iif(class >= 4, requests, 0)) AS errors, sum(iif(class = 0, requests, 0)) AS rejected
                           FROM usage WHERE span = 1 AND key_id = '' AND account_id <> '' GROUP BY account_id, start) u
                USING (account_id, start)
                WHERE (k.requests, k.errors, k.rejected) IS NOT (u.requests, u.errors, u.rejected)",
    },
    Rule {
        what: "days with more refusals by code than requests that were refused",
        query: "SELECT r.account_id || ' ' || r.start FROM usage_rejection r WHERE r.span = 1
                GROUP BY r.account_id, r.start HAVING sum(r.requests) >
                (SELECT ifnull(sum(u.requests), 0) FROM usage u WHERE u.span = 1 AND u.start = r.start
                 AND u.account_id = r.account_id AND u.key_id = '' AND u.class = 0)",
    },
];

/// Every problem in words; none where all agree.
pub(super) fn problems(conn: &Connection) -> Done<Vec<String>> {
    let mut found = Vec::new();
    for rule in &RULES {
        let wrong: Vec<(String, u64)> = all(
            conn,
            &format!(
                "SELECT *, count(*) OVER () FROM ({}) LIMIT {NAMED}",
                rule.query
            ),
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        let Some((_, count)) = wrong.first() else {
            continue;
        };
        let names: Vec<&str> = wrong.iter().map(|(name, _)| name.as_str()).collect();
        let more = if *count > names.len() as u64 {
            ", …"
        } else {
            ""
        };
        found.push(format!("{count} {}: {}{more}", rule.what, names.join(", ")));
    }
    Ok(found)
}
