//! A name server whose answers for a name change from look-up to look-up; UDP only, never a zone.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const A: u16 = 1;
const AAAA: u16 = 28;
const CNAME: u16 = 5;

/// What is answered to one look-up.
#[derive(Debug, Clone)]
pub enum Turn {
    /// These addresses; those of the kind that is asked for.
    Addresses(Vec<IpAddr>),
    /// The same under another name, which this one is an alias of.
    Alias(&'static str, Vec<IpAddr>),
    /// There is no such name.
    Missing,
    /// The server failed.
    Broken,
    /// No answer.
    Silence,
    /// These addresses, to a question that nobody asked: what somebody sends who guesses.
    Forged(Vec<IpAddr>),
}

impl Turn {
    /// Addresses, as text.
    pub fn addresses(texts: &[&str]) -> Self {
        Self::Addresses(texts.iter().map(|t| t.parse().unwrap()).collect())
    }
}

type Names = HashMap<String, Vec<Turn>>;
type Asked = HashMap<(String, u16), usize>;

/// The server; stops when dropped. Names that it does not know are missing.
pub struct Dns {
    pub address: SocketAddr,
    names: Arc<Mutex<Names>>,
    asked: Arc<Mutex<Asked>>,
    stop: Arc<AtomicBool>,
}

impl Dns {
    /// A server on a free loopback port that knows these names. Their turns come round again after the last.
    pub fn start(names: &[(&str, &[Turn])]) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(100)))
            .unwrap();
        let server = Self {
            address: socket.local_addr().unwrap(),
            names: Arc::default(),
            asked: Arc::default(),
            stop: Arc::default(),
        };
        for (name, turns) in names {
            server.set(name, turns);
        }
        let (names, asked) = (Arc::clone(&server.names), Arc::clone(&server.asked));
        let stop = Arc::clone(&server.stop);
        std::thread::spawn(move || {
            let mut packet = [0; 1_500];
            while !stop.load(Ordering::SeqCst) {
                let Ok((n, from)) = socket.recv_from(&mut packet) else {
                    continue;
                };
                let answer = answer(&packet[..n], &names, &asked);
                if let Some(answer) = answer {
                    let _ = socket.send_to(&answer, from);
                }
            }
        });
        server
    }

    /// Gives a name its turns, from the first on.
    pub fn set(&self, name: &str, turns: &[Turn]) {
        let mut names = self.names.lock().unwrap();
        names.insert(name.to_owned(), turns.to_vec());
        self.asked.lock().unwrap().retain(|(n, _), _| n != name);
    }

    /// How often its IPv4 addresses were asked for.
    pub fn asked(&self, name: &str) -> usize {
        let asked = self.asked.lock().unwrap();
        asked.get(&(name.to_owned(), A)).copied().unwrap_or(0)
    }

    /// How often anything was asked of any name.
    pub fn asked_in_all(&self) -> usize {
        self.asked.lock().unwrap().values().sum()
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
    }
}

/// The name and kind of a question that begins after the header, and where it ends.
fn question(packet: &[u8]) -> Option<(String, u16, usize)> {
    let mut name = String::new();
    let mut at = 12;
    loop {
        let length = usize::from(*packet.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        if !name.is_empty() {
            name.push('.');
        }
        name.push_str(std::str::from_utf8(packet.get(at..at + length)?).ok()?);
        at += length;
    }
    let kind = u16::from_be_bytes([*packet.get(at)?, *packet.get(at + 1)?]);
    Some((name.to_ascii_lowercase(), kind, at + 4))
}

fn answer(packet: &[u8], names: &Mutex<Names>, asked: &Mutex<Asked>) -> Option<Vec<u8>> {
    let (name, kind, end) = question(packet)?;
    let count = {
        let mut asked = asked.lock().unwrap();
        let count = asked.entry((name.clone(), kind)).or_default();
        *count += 1;
        *count - 1
    };
    let turn = {
        let names = names.lock().unwrap();
        let turns = names.get(&name).filter(|t| !t.is_empty());
        turns.map_or(Turn::Missing, |t| t[count % t.len()].clone())
    };
    let mut out = packet.get(..end)?.to_vec();
    let (code, alias, addresses) = match &turn {
        Turn::Silence => return None,
        Turn::Missing => (3, None, &[][..]),
        Turn::Broken => (2, None, &[][..]),
        Turn::Addresses(found) => (0, None, &found[..]),
        Turn::Alias(other, found) => (0, Some(*other), &found[..]),
        Turn::Forged(found) => {
            out[1] ^= 1;
            (0, None, &found[..])
        }
    };
    let mut records = Vec::new();
    // A name that is the question's, at its place.
    let mut owner = vec![0xc0, 12];
    if let Some(other) = alias {
        let name = encoded(other);
        records.push(record(&owner, CNAME, &name));
        owner = name;
    }
    for address in addresses {
        match (kind, address) {
            (A, IpAddr::V4(v4)) => records.push(record(&owner, A, &v4.octets())),
            (AAAA, IpAddr::V6(v6)) => records.push(record(&owner, AAAA, &v6.octets())),
            _ => {}
        }
    }
    // An answer, recursion wanted and available; one question, the records, nothing else.
    out[2..4].copy_from_slice(&[0x81, 0x80 | code]);
    out[4..6].copy_from_slice(&1u16.to_be_bytes());
    let many = u16::try_from(records.len()).unwrap();
    out[6..8].copy_from_slice(&many.to_be_bytes());
    out[8..12].fill(0);
    out.extend(records.into_iter().flatten());
    Some(out)
}

fn encoded(name: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for label in name.split('.') {
        out.push(u8::try_from(label.len()).unwrap());
        out.extend_from_slice(label.as_bytes());
    }
    out.push(0);
    out
}

/// A record that may not be kept for a second.
fn record(owner: &[u8], kind: u16, data: &[u8]) -> Vec<u8> {
    let mut out = owner.to_vec();
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&1u16.to_be_bytes());
    out.extend_from_slice(&0u32.to_be_bytes());
    out.extend_from_slice(&u16::try_from(data.len()).unwrap().to_be_bytes());
    out.extend_from_slice(data);
    out
}
