//! Says in a few public words why a receiver could not be reached; never an address of the operator's network.

use std::error::Error;
use std::io;

use super::resolver::Unreachable;

/// Characters of such a text.
const MAX_CHARS: usize = 200;

/// Public text for an error of the HTTP client.
pub(super) fn public_text(error: &reqwest::Error) -> String {
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    while let Some(e) = cause {
        if let Some(text) = known(e) {
            return text;
        }
        cause = e.source();
    }
    if error.is_timeout() && error.is_connect() {
        "no connection in time".to_owned()
    } else if error.is_timeout() {
        "no answer in time".to_owned()
    } else if error.is_connect() {
        "the connection failed".to_owned()
    } else if error.is_builder() {
        "the URL is not usable".to_owned()
    } else {
        "the receiver broke off or does not speak HTTP".to_owned()
    }
}

fn known(e: &(dyn Error + 'static)) -> Option<String> {
    if let Some(u) = e.downcast_ref::<Unreachable>() {
        return Some(u.to_string());
    }
    if let Some(tls) = e.downcast_ref::<rustls::Error>() {
        let text = format!("the TLS handshake failed: {tls}");
        return Some(text.chars().take(MAX_CHARS).collect());
    }
    let io = e.downcast_ref::<io::Error>()?;
    // An I/O error can wrap one of ours or of TLS, which its `source` would skip.
    if let Some(inner) = io.get_ref()
        && let Some(text) = known(inner)
    {
        return Some(text);
    }
    let text = match io.kind() {
        io::ErrorKind::ConnectionRefused => "the connection was refused",
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => "the connection was reset",
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            "the receiver's network cannot be reached"
        }
        io::ErrorKind::UnexpectedEof => "the receiver closed the connection",
        _ => return None,
    };
    Some(text.to_owned())
}
