//! The access log: one JSON line a request, bounded and batched; never a query's value, a header or a body.

use std::cell::Cell;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use prometheus::IntCounter;

use super::json;
use super::lines::Lines;
use super::sink::Sink;
use crate::base::ceilings::{ACCESS_LOG_BYTES, ACCESS_LOG_LINES};
use crate::base::clock::Timestamp;
use crate::config::model::{ClientAddress, LogSink};

/// What a line says of a request. Texts may hold whatever a client sent.
#[derive(Debug, Clone)]
pub struct AccessLine<'a> {
    /// When the request's header was complete.
    pub time: Timestamp,
    /// Its id.
    pub request_id: &'a str,
    /// The account, once the key is known.
    pub account_id: Option<&'a str>,
    /// The key, once it is known.
    pub key_id: Option<&'a str>,
    /// The method.
    pub method: &'a str,
    /// The route's template.
    pub route: Option<&'a str>,
    /// The path as it came, without its query.
    pub path: &'a str,
    /// Status of the answer; 0 where there was none.
    pub status: u16,
    /// Code of the gateway's own error.
    pub code: Option<&'a str>,
    /// Bytes of the request's body.
    pub bytes_in: u64,
    /// Bytes of the response's body.
    pub bytes_out: u64,
    /// Time from header to end, in microseconds.
    pub total_us: u64,
    /// Time until the upstream's response was complete, in microseconds.
    pub upstream_us: Option<u64>,
    /// The client's address.
    pub client: Option<IpAddr>,
    /// The protocol, e.g. `HTTP/1.1`.
    pub protocol: &'a str,
}

/// The access log of a configuration. To change where it goes, open another; what the old one holds is still written.
#[derive(Debug)]
pub struct AccessLog {
    lines: Lines,
    client_address: ClientAddress,
}

impl AccessLog {
    /// Opens the log. Lines that are lost are counted in `dropped`.
    ///
    /// # Errors
    /// The file cannot be opened, or the writer's thread not started.
    pub fn open(
        to: &LogSink,
        client_address: ClientAddress,
        dropped: IntCounter,
    ) -> io::Result<Self> {
        let sink = Sink::open(to)?;
        Ok(Self {
            lines: Lines::start(sink, ACCESS_LOG_LINES, ACCESS_LOG_BYTES, dropped)?,
            client_address,
        })
    }

    /// Adds a line. Never waits for the log; a line that finds it full is lost and counted.
    pub fn submit(&self, line: &AccessLine<'_>) {
        self.lines.add(|out| write(out, line, self.client_address));
    }

    /// Waits until every line is written, at most so long; whether it is. Blocks: not for a thread that serves requests.
    pub fn flush(&self, at_most: Duration) -> bool {
        self.lines.flush(at_most)
    }
}

fn write(out: &mut Vec<u8>, line: &AccessLine<'_>, client_address: ClientAddress) {
    out.extend_from_slice(b"{\"time\":\"");
    time(out, line.time);
    out.push(b'"');
    text(out, b",\"request_id\":", Some(line.request_id));
    text(out, b",\"account_id\":", line.account_id);
    text(out, b",\"key_id\":", line.key_id);
    text(out, b",\"method\":", Some(line.method));
    text(out, b",\"route\":", line.route);
    text(
        out,
        b",\"path\":",
        Some(line.path.split('?').next().unwrap_or_default()),
    );
    out.extend_from_slice(b",\"status\":");
    json::number(out, u64::from(line.status));
    text(out, b",\"code\":", line.code);
    out.extend_from_slice(b",\"bytes_in\":");
    json::number(out, line.bytes_in);
    out.extend_from_slice(b",\"bytes_out\":");
    json::number(out, line.bytes_out);
    out.extend_from_slice(b",\"total_ms\":");
    json::millis(out, line.total_us);
    out.extend_from_slice(b",\"upstream_ms\":");
    match line.upstream_us {
        Some(us) => json::millis(out, us),
        None => out.extend_from_slice(b"null"),
    }
    if client_address != ClientAddress::None {
        out.extend_from_slice(b",\"client_address\":");
        address(out, line.client, client_address);
    }
    text(out, b",\"protocol\":", Some(line.protocol));
    out.push(b'}');
}

fn text(out: &mut Vec<u8>, name: &[u8], value: Option<&str>) {
    out.extend_from_slice(name);
    match value {
        Some(text) => json::string(out, text),
        None => out.extend_from_slice(b"null"),
    }
}

/// Bytes of an instant without its fraction and zone: `2027-01-15T08:00:00`, in the years that a [`Timestamp`] can hold.
const TO_THE_SECOND: usize = 19;

/// RFC 3339 with milliseconds, always three places, so that lines sort as text. Lines come thousands a second, so the
/// text of a second is made once for each thread.
fn time(out: &mut Vec<u8>, at: Timestamp) {
    thread_local! {
        static LAST: Cell<(i64, [u8; TO_THE_SECOND])> = const { Cell::new((i64::MIN, [0; TO_THE_SECOND])) };
    }
    let (secs, text) = LAST.get();
    if secs == at.secs() {
        out.extend_from_slice(&text);
    } else {
        let text = Timestamp::from_secs(at.secs()).to_string();
        let text = &text.as_bytes()[..TO_THE_SECOND.min(text.len())];
        out.extend_from_slice(text);
        if let Ok(text) = text.try_into() {
            LAST.set((at.secs(), text));
        }
    }
    let ms = at.millis().rem_euclid(1000) as u16;
    json::three_places(out, ms);
    out.push(b'Z');
}

fn address(out: &mut Vec<u8>, client: Option<IpAddr>, how: ClientAddress) {
    use std::io::Write;
    let shown = client.map(|a| match how {
        ClientAddress::Truncated => truncated(a),
        _ => a,
    });
    match shown {
        Some(IpAddr::V4(a)) => {
            let mut before = b'"';
            for octet in a.octets() {
                out.push(before);
                json::number(out, octet.into());
                before = b'.';
            }
            out.push(b'"');
        }
        // A buffer takes whatever is written.
        Some(IpAddr::V6(a)) => drop(write!(out, "\"{a}\"")),
        None => out.extend_from_slice(b"null"),
    }
}

/// The first 24 bits of IPv4, 48 of IPv6.
fn truncated(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(a) => IpAddr::V4(Ipv4Addr::from_bits(a.to_bits() & !0xff)),
        IpAddr::V6(a) => IpAddr::V6(Ipv6Addr::from_bits(a.to_bits() >> 80 << 80)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(path: &str) -> AccessLine<'_> {
        AccessLine {
            time: Timestamp::from_millis(1_800_000_000_007),
            request_id: "r1",
            account_id: Some("acct_1"),
            key_id: None,
            method: "GET",
            route: Some("/v1/{id}"),
            path,
            status: 200,
            code: None,
            bytes_in: 0,
            bytes_out: 12,
            total_us: 1_234,
            upstream_us: None,
            client: Some("2001:db8:1:2::3".parse().unwrap()),
            protocol: "HTTP/1.1",
        }
    }

    fn written(line: &AccessLine<'_>, how: ClientAddress) -> String {
        let mut out = Vec::new();
        write(&mut out, line, how);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_line_is_one_json_object() {
        assert_eq!(
            written(&line("/v1/7"), ClientAddress::Full),
            concat!(
                r#"{"time":"2027-01-15T08:00:00.007Z","request_id":"r1","account_id":"acct_1","key_id":null,"#,
                r#""method":"GET","route":"/v1/{id}","path":"/v1/7","status":200,"code":null,"bytes_in":0,"bytes_out":12,"#,
                r#""total_ms":1.234,"upstream_ms":null,"client_address":"2001:db8:1:2::3","protocol":"HTTP/1.1"}"#
            )
        );
    }

    #[test]
    fn each_line_has_its_own_instant_also_when_the_clock_goes_back() {
        let shown = |ms| {
            let mut out = Vec::new();
            time(&mut out, Timestamp::from_millis(ms));
            String::from_utf8(out).unwrap()
        };
        for (ms, text) in [
            (1_800_000_000_007, "2027-01-15T08:00:00.007Z"),
            (1_800_000_000_990, "2027-01-15T08:00:00.990Z"),
            (1_800_000_001_000, "2027-01-15T08:00:01.000Z"),
            (1_800_000_000_100, "2027-01-15T08:00:00.100Z"),
            (0, "1970-01-01T00:00:00.000Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(shown(ms), text);
        }
    }

    #[test]
    fn what_a_client_sent_stays_inside_its_string() {
        let hostile = "/a\",\"status\":500}\r\n{\"x\":\"\u{1b}[31m\u{202e}\u{2028}";
        let text = written(&line(hostile), ClientAddress::Full);
        assert!(
            !text
                .chars()
                .any(|c| c.is_control() || c == '\u{202e}' || c == '\u{2028}')
        );
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["path"], hostile);
        assert_eq!(json["status"], 200);
    }

    #[test]
    fn no_query_is_ever_written() {
        let text = written(&line("/a?access_token=lf_live_x"), ClientAddress::Full);
        assert!(!text.contains("lf_live_x"));
    }

    #[test]
    fn the_address_is_cut_or_left_out_as_asked() {
        let shown = |a: &str| truncated(a.parse().unwrap()).to_string();
        assert_eq!(shown("192.0.2.77"), "192.0.2.0");
        assert_eq!(shown("2001:db8:1:2::3"), "2001:db8:1::");
        assert_eq!(shown("::ffff:192.0.2.77"), "192.0.2.0");
        assert!(!written(&line("/a"), ClientAddress::None).contains("2001"));
        assert!(written(&line("/a"), ClientAddress::Truncated).contains("\"2001:db8:1::\""));
        for (client, how, text) in [
            ("192.0.2.77", ClientAddress::Full, "\"192.0.2.77\""),
            (
                "255.255.255.255",
                ClientAddress::Truncated,
                "\"255.255.255.0\"",
            ),
            ("0.0.0.0", ClientAddress::Full, "\"0.0.0.0\""),
        ] {
            let mut out = Vec::new();
            address(&mut out, Some(client.parse().unwrap()), how);
            assert_eq!(out, text.as_bytes());
        }
    }

    #[test]
    fn lines_reach_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("access.log");
        let dropped = IntCounter::new("dropped_total", "Lost.").unwrap();
        let log =
            AccessLog::open(&LogSink::File(path.clone()), ClientAddress::Full, dropped).unwrap();
        (0..100).for_each(|_| log.submit(&line("/v1/7")));
        assert!(log.flush(Duration::from_secs(20)));
        assert_eq!(std::fs::read_to_string(path).unwrap().lines().count(), 100);
    }
}
