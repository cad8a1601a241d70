//! A proxy on loopback that cuts replies in the middle; never one that understands what passes.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Passes everything on to one server, on threads of its own, until the process ends.
pub struct Proxy {
    pub port: u16,
    cut: Arc<AtomicBool>,
}

impl Proxy {
    /// Starts a proxy to `target` on 127.0.0.1.
    pub fn start(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let cut = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&cut);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(("127.0.0.1", target)) else {
                    continue;
                };
                let (asking, answering) =
                    (client.try_clone().unwrap(), server.try_clone().unwrap());
                let told = Arc::clone(&told);
                std::thread::spawn(move || pass(asking, server, &AtomicBool::new(false)));
                std::thread::spawn(move || pass(answering, client, &told));
            }
        });
        Self { port, cut }
    }

    /// The next reply ends in its middle, and its connection with it.
    pub fn cut_a_reply(&self) {
        self.cut.store(true, Ordering::SeqCst);
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, cut: &AtomicBool) {
    let _ = to.set_nodelay(true);
    let mut buffer = [0; 16_384];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if cut.swap(false, Ordering::SeqCst) {
            let _ = to.write_all(&buffer[..count / 2]);
            break;
        }
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
