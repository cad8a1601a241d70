//! A way to Redis for tests on which every script is carried out twice, as when its first reply was lost; never used outside tests.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};

/// Listens on a port of 127.0.0.1 and passes all on to that of a server, scripts once more on a connection of its own
/// before. Its threads end with the test process.
pub(crate) fn start(server: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let client = client.unwrap();
            std::thread::spawn(move || pass_on(client, server));
        }
    });
    port
}

fn pass_on(client: TcpStream, server: u16) {
    let url = format!("redis://127.0.0.1:{server}");
    let before = redis::Client::open(url).unwrap();
    let mut before = before.get_connection().unwrap();
    let mut onward = TcpStream::connect(("127.0.0.1", server)).unwrap();
    let (mut replies, mut back) = (onward.try_clone().unwrap(), client.try_clone().unwrap());
    std::thread::spawn(move || std::io::copy(&mut replies, &mut back));
    let mut requests = BufReader::new(client);
    while let Some((request, command)) = request(&mut requests) {
        if command.starts_with("EVAL") {
            // What it replies is lost, be it a refusal.
            let _ = redis::ConnectionLike::req_packed_command(&mut before, &request);
        }
        if onward.write_all(&request).is_err() {
            break;
        }
    }
    let _ = onward.shutdown(std::net::Shutdown::Both);
}

/// The next request as it came, and its command.
fn request(from: &mut impl BufRead) -> Option<(Vec<u8>, String)> {
    let (mut whole, mut command) = (Vec::new(), String::new());
    let parts = number(from, &mut whole)?;
    for part in 0..parts {
        let bytes = number(from, &mut whole)?;
        let begin = whole.len();
        whole.resize(begin + bytes + 2, 0);
        from.read_exact(&mut whole[begin..]).ok()?;
        if part == 0 {
            command = String::from_utf8_lossy(&whole[begin..begin + bytes]).into_owned();
        }
    }
    Some((whole, command))
}

/// Reads a line such as `*3` or `$12`.
fn number(from: &mut impl BufRead, whole: &mut Vec<u8>) -> Option<usize> {
    let begin = whole.len();
    from.read_until(b'\n', whole).ok()?;
    let line = std::str::from_utf8(whole.get(begin + 1..)?).unwrap();
    line.trim_end().parse().ok()
}
