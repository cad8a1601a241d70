//! Credentials that are no keys, or no keys any more: what is computed over them, and what their time tells; never a path or a body.

use std::time::Instant;

use super::*;
use crate::support::http::encode;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A secret of our format that nobody has, another one for each number.
fn well_formed(mut number: u64) -> String {
    let mut random = String::new();
    for _ in 0..30 {
        number = number
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        random.push(char::from(
            BASE62[usize::try_from((number >> 33) % 62).unwrap()],
        ));
    }
    secret_of(&random)
}

fn secret_of(random: &str) -> String {
    let mut left = crc32fast::hash(random.as_bytes());
    let mut checksum = [b'0'; 6];
    for digit in checksum.iter_mut().rev() {
        *digit = BASE62[usize::try_from(left % 62).unwrap()];
        left /= 62;
    }
    let checksum = std::str::from_utf8(&checksum).unwrap();
    format!("lf_live_{random}{checksum}")
}

/// Every look-up by a digest, whatever came of it.
fn lookups(g: &Gateway) -> f64 {
    g.metric("fuelgate_key_cache_lookups_total{")
}

fn bearer(g: &Gateway, token: &str) -> Option<Response> {
    let mut all = b"GET /v1/contacts HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ".to_vec();
    all.extend_from_slice(token.as_bytes());
    all.extend_from_slice(b"\r\n\r\n");
    raw(g, &all)
}

#[test]
fn a_what_cannot_be_a_key_is_refused_without_a_look_up() {
    assert_eq!(secret_of("zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ"), UNKNOWN);
    let backend = Backend::ok();
    let g = Gateway::start(&config(backend.address, ""));
    let good = well_formed(1);
    let last = if good.ends_with('0') { "1" } else { "0" };
    let bad_checksum = format!("{}{last}", &good[..good.len() - 1]);
    let other_prefix = good.replace("lf_live_", "lf_test_");
    let (longer, shorter) = (format!("{good}0"), &good[..good.len() - 1]);
    let before = lookups(&g);
    // A8, and A11 with 8 KB, whatever they begin and end with.
    for token in [
        &bad_checksum,
        &other_prefix,
        &longer,
        shorter,
        "lf_live_",
        &"a".repeat(8192),
        &format!("lf_live_{}", "z".repeat(8192)),
        &format!("{good}{}", "z".repeat(8192)),
        &format!("{}{}", "z".repeat(8192), &good["lf_live_".len()..]),
    ] {
        let r = bearer(&g, token).unwrap();
        let said = (r.status, code(&r));
        assert_eq!(said, (401, "invalid_key".to_owned()), "{token:.80}");
    }
    // A11 with more than a header may have: it need not even be read.
    for length in [40_000, 900_000] {
        let huge = format!("lf_live_{}", "z".repeat(length));
        let mut c = Connection::open(g.address());
        c.set_read_timeout(Duration::from_secs(5));
        let bytes =
            format!("GET /v1/contacts HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {huge}\r\n\r\n");
        let sent = c.try_send(bytes.as_bytes()).is_ok();
        match c.try_receive(false) {
            Some(r) => assert_eq!((r.status, code(&r).as_str()), (431, "headers_too_large")),
            None => assert!(
                !sent || c.is_closed(),
                "{length}: neither an answer nor an end"
            ),
        }
    }
    assert!(lookups(&g) == before, "one of them was looked up");
    // What could be a key is looked up, which the count shows.
    let r = bearer(&g, &good).unwrap();
    assert_eq!((r.status, code(&r).as_str()), (401, "invalid_key"));
    assert!(lookups(&g) == before + 1.0, "{} and {before}", lookups(&g));
    assert_eq!(backend.count(), 0);
    assert!(!g.stderr().contains("panicked"), "{}", g.stderr());
}

#[test]
fn a_a_key_in_the_query_opens_nothing_and_is_in_no_log() {
    let backend = Backend::ok();
    let text = config(backend.address, "")
        .replace("log: { access: null }", "log: { access: $DIR/access.log }");
    let mut g = Gateway::start(&text);
    let (_, key) = g.key("acct_1", &["contacts:read"]);
    for name in ["access_token", "api_key", "key", "token", "q"] {
        let target = format!("/v1/contacts?{name}={key}");
        let r = g.call("GET", &target, &[], None);
        let said = (r.status, code(&r));
        assert_eq!(said, (401, "missing_credentials".to_owned()), "{name}");
        assert!(!r.text().contains(&key), "{}", r.text());
    }
    // A6: beside the header it is a second method, whatever the key.
    let r = g.get(&format!("/v1/contacts?access_token={key}"), &key);
    assert_eq!(
        (r.status, code(&r).as_str()),
        (400, "malformed_credentials")
    );
    assert_eq!(backend.count(), 0);
    // A clean stop writes what is left.
    assert_eq!(g.stop(), Some(0));
    let log = std::fs::read_to_string(g.folder.path().join("access.log")).unwrap();
    assert_eq!(log.lines().count(), 6, "{log}");
    let secret = &key["lf_live_".len()..];
    assert!(!log.contains(secret), "{log}");
    assert!(!g.stderr().contains(secret), "{}", g.stderr());
}

/// The times of requests with one kind of key, in order.
struct Times(Vec<Duration>);

impl Times {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// The time that so many of a hundred take at most.
    fn percent(&self, n: usize) -> Duration {
        self.0[self.0.len() * n / 100]
    }
}

#[test]
fn a_the_time_of_a_refusal_does_not_tell_an_unknown_key_from_one_that_was_revoked() {
    const KEYS: u64 = 300;
    let backend = Backend::ok();
    let g = Gateway::start(&config(backend.address, ""));
    let revoked: Vec<String> = (0..KEYS)
        .map(|_| g.key("acct_1", &["contacts:read"]).1)
        .collect();
    let path = "/admin/v1/accounts/acct_1/revoke-keys";
    let done = g.admin("POST", path, Some(&serde_json::json!({})));
    assert!(matches!(done.status, 200 | 202), "{}", done.text());
    // On one connection and in turns, so that whatever else the machine does falls on both alike.
    let mut c = Connection::open(g.address());
    let mut refused = |token: &str, expected: &str| {
        let field = format!("Bearer {token}");
        let bytes = encode("GET", "/v1/contacts", &[("Authorization", &field)], None);
        let began = Instant::now();
        let r = c.exchange(&bytes);
        let time = began.elapsed();
        assert_eq!((r.status, code(&r).as_str()), (401, expected));
        time
    };
    // Seen for the first time, which asks the store, and then again, which is answered from memory.
    for state in ["first", "again"] {
        let (mut unknown, mut known) = (Vec::new(), Vec::new());
        for (number, secret) in revoked.iter().enumerate() {
            unknown.push(refused(&well_formed(number as u64), "invalid_key"));
            known.push(refused(secret, "revoked_key"));
        }
        let kinds = [Times::of(unknown), Times::of(known)];
        let all = kinds.each_ref().map(|k| [2, 50, 98].map(|n| k.percent(n)));
        println!("{state}: unknown and revoked, of a hundred 2, 50 and 98: {all:?}");
        // The histograms overlap: the quick ones of neither are slower than the slow ones of the other, and neither kind
        // takes another order of time.
        let [
            [quick, middle, slow],
            [other_quick, other_middle, other_slow],
        ] = all;
        assert!(
            quick <= other_slow && other_quick <= slow,
            "{state}: {all:?}"
        );
        let near = |a: Duration, b: Duration| a <= b * 2 + Duration::from_micros(200);
        assert!(
            near(middle, other_middle) && near(other_middle, middle),
            "{state}: {all:?}"
        );
    }
    assert_eq!(backend.count(), 0);
}
