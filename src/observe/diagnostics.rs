//! What the program says of itself, on standard error: `tracing` events and the `log` records of its libraries; never a request's content.

use std::io::{self, IsTerminal};
use std::time::Duration;

use prometheus::IntCounter;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use super::lines::Lines;
use super::sink::Sink;
use crate::base::ceilings::{DIAGNOSTICS_BYTES, DIAGNOSTICS_LINES};
use crate::config::model::LogSink;

/// Environment variable with the level, or levels by module, e.g. `info,fuelgate::store=debug`. Libraries that see
/// requests, answers or mails say nothing below `info`, whatever it asks for.
pub const LEVEL_VARIABLE: &str = "FUELGATE_LOG";

/// Level where the variable says nothing: the libraries' own remarks on each connection are not worth a line, and a
/// receiver's certificate or name server, which the delivery log tells of, is no error of this program.
const DEFAULT_LEVEL: &str = "info,pingora=warn,pingora_core=warn,pingora_proxy=warn,rustls=warn,h2=warn,\
     rustls_platform_verifier=off,hickory_net=error,hickory_resolver=error";

/// Libraries whose remarks below `info` are about handshakes and names, and hold nothing that somebody sent.
const TALKATIVE: &[&str] = &[
    "fuelgate",
    "rustls",
    "rustls_platform_verifier",
    "hickory_net",
    "hickory_resolver",
];

/// Whether something of this target and level may be written at all. Below `info` Pingora writes whole headers, keys
/// among them, and the mail client what it sends: such secrets are worth more than what an operator would learn.
fn may_say(target: &str, level: tracing::Level) -> bool {
    let library = target.split("::").next().unwrap_or(target);
    LevelFilter::INFO >= level || TALKATIVE.contains(&library)
}

/// Why diagnostics cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum DiagnosticsError {
    /// The variable's value makes no sense.
    #[error("{LEVEL_VARIABLE}: {0}")]
    Level(#[from] tracing_subscriber::filter::ParseError),
    /// Standard error or the writer's thread.
    #[error("diagnostics on standard error: {0}")]
    Io(#[from] io::Error),
    /// Somebody else was there first.
    #[error("diagnostics have begun already")]
    Twice,
}

/// Keeps diagnostics going; dropping it writes what waits, for a second at most.
#[derive(Debug)]
pub struct Diagnostics(&'static Lines);

impl Drop for Diagnostics {
    fn drop(&mut self) {
        self.0.flush(Duration::from_secs(1));
    }
}

/// Begins to write diagnostics to standard error, batched and bounded like the access log, so that a blocked terminal or pipe holds up
/// no request. Lines that are lost are counted in `dropped`. Once in a process.
///
/// # Errors
/// A level that makes no sense, no thread, or a second call.
pub fn init(dropped: IntCounter) -> Result<Diagnostics, DiagnosticsError> {
    let filter = match std::env::var(LEVEL_VARIABLE) {
        Ok(levels) if !levels.is_empty() => EnvFilter::try_new(levels)?,
        _ => EnvFilter::try_new(DEFAULT_LEVEL)?,
    };
    let sink = Sink::open(&LogSink::Stderr)?;
    let lines = Lines::start(sink, DIAGNOSTICS_LINES, DIAGNOSTICS_BYTES, dropped)?;
    // Once in a process and needed until its end.
    let lines: &'static Lines = Box::leak(Box::new(lines));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(Writer(lines))
        .finish()
        .with(filter_fn(|m| may_say(m.target(), *m.level())))
        .try_init()
        .map_err(|_: TryInitError| DiagnosticsError::Twice)?;
    Ok(Diagnostics(lines))
}

/// Gives each event to the queue as one line.
#[derive(Clone, Copy)]
struct Writer(&'static Lines);

impl<'a> MakeWriter<'a> for Writer {
    type Writer = Self;

    fn make_writer(&'a self) -> Self::Writer {
        *self
    }
}

impl io::Write for Writer {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        // Events are few and read by people: they are not left waiting for a tick.
        let line = text.strip_suffix(b"\n").unwrap_or(text);
        self.0.add(|out| out.extend_from_slice(line));
        self.0.wake();
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level;

    #[test]
    fn only_libraries_that_see_nobodys_secrets_say_more_than_info() {
        for target in [
            "pingora_proxy",
            "pingora_core::protocols",
            "h2",
            "hyper",
            "lettre",
            "reqwest",
            "rustlsx",
        ] {
            for level in [Level::TRACE, Level::DEBUG] {
                assert!(!may_say(target, level), "{target} {level}");
            }
            for level in [Level::INFO, Level::WARN, Level::ERROR] {
                assert!(may_say(target, level), "{target} {level}");
            }
        }
        for target in [
            "fuelgate",
            "fuelgate::store::redis",
            "rustls::conn",
            "hickory_net",
        ] {
            assert!(may_say(target, Level::TRACE), "{target}");
        }
    }
}
