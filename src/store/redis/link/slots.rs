//! Hash slots of a Redis Cluster: which one a key lies in and which nodes serve them; never a connection.

use redis::{Arg, Cmd, Value};

/// Slots of a cluster.
const SLOTS: u16 = 16_384;

/// CRC-16/XMODEM of each byte.
const CRC: [u16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 == 0 {
                crc << 1
            } else {
                (crc << 1) ^ 0x1021
            };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

/// The slot of a key: of what is between its first braces where there is something, else of all of it.
pub(super) fn slot_of(key: &[u8]) -> u16 {
    let tag = key.iter().position(|b| *b == b'{').and_then(|open| {
        let rest = key.get(open + 1..)?;
        let end = rest.iter().position(|b| *b == b'}')?;
        rest.get(..end).filter(|tag| !tag.is_empty())
    });
    let hashed = tag.unwrap_or(key);
    let crc = hashed.iter().fold(0_u16, |crc, byte| {
        let at = usize::from((crc >> 8) ^ u16::from(*byte));
        (crc << 8) ^ CRC.get(at).copied().unwrap_or_default()
    });
    crc % SLOTS
}

/// The first key of a command, or `None` where it has none and any node may answer. A channel counts as a key, so that
/// those who publish and those who listen meet at one node.
pub(super) fn key_of(cmd: &Cmd) -> Option<&[u8]> {
    let mut arguments = cmd.args_iter().map(|argument| match argument {
        Arg::Simple(bytes) => bytes,
        _ => b"0",
    });
    let name = arguments.next()?.to_ascii_uppercase();
    match name.as_slice() {
        b"PING" | b"ECHO" | b"TIME" | b"INFO" | b"CONFIG" | b"ROLE" | b"SCAN" | b"KEYS"
        | b"DBSIZE" | b"SCRIPT" | b"CLUSTER" | b"CLIENT" | b"ACL" | b"COMMAND" | b"MULTI"
        | b"EXEC" | b"WAIT" | b"FLUSHALL" | b"FLUSHDB" | b"DEBUG" | b"MEMORY" | b"LATENCY"
        | b"SLOWLOG" => None,
        // The number of keys comes before them.
        b"EVAL" | b"EVALSHA" | b"EVAL_RO" | b"EVALSHA_RO" | b"FCALL" | b"FCALL_RO" => {
            let count = arguments.nth(1)?;
            arguments.next().filter(|_| count != b"0")
        }
        b"OBJECT" | b"XGROUP" | b"XINFO" => arguments.nth(1),
        _ => arguments.next(),
    }
}

/// Slots in a row, the node that serves them and those that copy it. Addresses are `host:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) first: u16,
    pub(super) last: u16,
    pub(super) master: String,
    pub(super) replicas: Vec<String>,
}

/// Reads the answer to `CLUSTER SLOTS` of the node at the host `asked`, sorted. With TLS a node's name is preferred to its
/// number, since certificates rarely have numbers.
pub(super) fn read(value: Value, asked: &str, tls: bool) -> Result<Vec<Range>, String> {
    let wrong = || "CLUSTER SLOTS has an unknown form".to_owned();
    let rows: Vec<Vec<Value>> = redis::from_redis_value(value).map_err(|_| wrong())?;
    let mut ranges = Vec::with_capacity(rows.len());
    for row in rows {
        let mut row = row.into_iter();
        let mut bound = || match row.next() {
            Some(Value::Int(n)) => u16::try_from(n).ok().filter(|n| *n < SLOTS),
            _ => None,
        };
        let (first, last) = bound().zip(bound()).ok_or_else(wrong)?;
        let nodes = row
            .map(|node| address(node, asked, tls).ok_or_else(wrong))
            .collect::<Result<Vec<_>, _>>()?;
        let (master, replicas) = nodes.split_first().ok_or_else(wrong)?;
        ranges.push(Range {
            first,
            last,
            master: master.clone(),
            replicas: replicas.to_vec(),
        });
    }
    if ranges.is_empty() {
        return Err("the cluster serves no slot".to_owned());
    }
    ranges.sort_by_key(|r| r.first);
    Ok(ranges)
}

/// `[host or null, port, id, [name, value, …]]`
fn address(node: Value, asked: &str, tls: bool) -> Option<String> {
    let node: Vec<Value> = redis::from_redis_value(node).ok()?;
    let text = |value: &Value| match value {
        Value::BulkString(bytes) => String::from_utf8(bytes.clone()).ok(),
        Value::SimpleString(text) => Some(text.clone()),
        _ => None,
    };
    let host = node.first().and_then(text);
    let port: u16 = match node.get(1) {
        Some(Value::Int(port)) => u16::try_from(*port).ok()?,
        _ => return None,
    };
    let more = node.get(3).cloned().unwrap_or(Value::Nil);
    let more: Vec<(String, String)> = redis::from_redis_value(more).unwrap_or_default();
    let name = more.into_iter().find(|(key, _)| key == "hostname");
    let known = |host: &String| !host.is_empty() && host != "?";
    let host = name
        .map(|(_, name)| name)
        .filter(|name| tls && known(name))
        .or(host.filter(known))
        .unwrap_or_else(|| asked.to_owned());
    Some(join(&host, port))
}

/// `host:port`, with brackets around an IPv6 address.
pub(super) fn join(host: &str, port: u16) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

/// The host, without brackets, and the port of `host:port`.
pub(super) fn split(address: &str) -> Option<(&str, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    Some((host, port.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_that_redis_computes() {
        // From `CLUSTER KEYSLOT`.
        for (key, slot) in [
            ("123456789", 12_739),
            ("foo", 12_182),
            ("{user1000}.following", 3_443),
            ("{user1000}.followers", 3_443),
            ("foo{}{bar}", 8_363),
            ("foo{{bar}}zap", 4_015),
            ("", 0),
        ] {
            assert_eq!(slot_of(key.as_bytes()), slot, "{key}");
        }
        assert_eq!(slot_of(b"foo{bar}{zap}"), slot_of(b"bar"));
    }

    #[test]
    fn the_key_of_a_command_is_found_wherever_it_stands() {
        let key = |words: &[&str]| {
            let mut cmd = redis::cmd(words[0]);
            for word in &words[1..] {
                cmd.arg(*word);
            }
            key_of(&cmd).map(|k| String::from_utf8(k.to_vec()).unwrap())
        };
        assert_eq!(key(&["get", "a"]).as_deref(), Some("a"));
        assert_eq!(
            key(&["EVALSHA", "x", "2", "a", "b", "c"]).as_deref(),
            Some("a")
        );
        assert_eq!(key(&["EVAL", "x", "0", "c"]), None);
        assert_eq!(key(&["PING"]), None);
        assert_eq!(key(&["SCAN", "0"]), None);
        assert_eq!(key(&["PUBLISH", "news", "x"]).as_deref(), Some("news"));
        assert_eq!(key(&["OBJECT", "ENCODING", "a"]).as_deref(), Some("a"));
    }

    fn node(host: &str, port: i64, more: &[(&str, &str)]) -> Value {
        let text = |t: &str| Value::BulkString(t.as_bytes().to_vec());
        let more = more.iter().flat_map(|(k, v)| [text(k), text(v)]).collect();
        Value::Array(vec![
            text(host),
            Value::Int(port),
            text("id"),
            Value::Array(more),
        ])
    }

    #[test]
    fn slots_are_read_sorted_with_names_where_there_is_tls() {
        let answer = || {
            Value::Array(vec![
                Value::Array(vec![
                    Value::Int(100),
                    Value::Int(16_383),
                    node("10.0.0.2", 7001, &[("hostname", "b.example")]),
                ]),
                Value::Array(vec![
                    Value::Int(0),
                    Value::Int(99),
                    node("", 7000, &[]),
                    node("::1", 7002, &[]),
                ]),
            ])
        };
        let plain = read(answer(), "10.0.0.9", false).unwrap();
        assert_eq!(plain[0].master, "10.0.0.9:7000");
        assert_eq!(plain[0].replicas, ["[::1]:7002"]);
        assert_eq!((plain[1].first, plain[1].last), (100, 16_383));
        assert_eq!(plain[1].master, "10.0.0.2:7001");
        let tls = read(answer(), "10.0.0.9", true).unwrap();
        assert_eq!(tls[1].master, "b.example:7001");
        assert!(read(Value::Array(vec![]), "h", false).is_err());
        assert!(read(Value::Okay, "h", false).is_err());
    }

    #[test]
    fn addresses_come_apart_as_they_were_joined() {
        for (host, port) in [("a.b", 1), ("10.0.0.1", 6379), ("::1", 65_535)] {
            assert_eq!(split(&join(host, port)), Some((host, port)));
        }
        assert_eq!(split(":6381"), Some(("", 6381)));
        assert_eq!(split("nothing"), None);
    }
}
