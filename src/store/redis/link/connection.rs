//! A connection and the way to it: which addresses are tried and who drives it; never when.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use redis::aio::MultiplexedConnection;
use tokio::task::AbortHandle;

use super::dial::{Dialer, Hears, Opened, Peer};
use super::fault::{Fault, Kind};

/// Where a server is found.
pub(super) enum Place {
    /// At any of these addresses: they are one server, or nodes of one cluster.
    At(Vec<String>),
    /// Where the sentinels at these addresses say that this master is.
    Sentinels(Vec<String>, String),
}

impl Place {
    /// What it is called in the log and in findings.
    pub(super) fn name(&self) -> String {
        match self {
            Self::At(addresses) => addresses.join(", "),
            Self::Sentinels(_, master) => format!("master {master}"),
        }
    }

    /// Its address, where it has but one.
    pub(super) fn address(&self) -> Option<&str> {
        match self {
            Self::At(all) if all.len() == 1 => all.first().map(String::as_str),
            _ => None,
        }
    }

    /// Opens a connection to the server and sees that it serves. Whoever calls this bounds its time.
    pub(super) async fn open(
        &self,
        dialer: &Dialer,
        hears: Option<Hears>,
    ) -> Result<Opened, Fault> {
        let (addresses, master) = match self {
            Self::At(addresses) => (addresses, None),
            Self::Sentinels(addresses, master) => (addresses, Some(master)),
        };
        // All at once: one that hangs, or a sentinel that has not heard of a failover, must not hold up the others.
        let mut attempts: FuturesUnordered<_> = addresses
            .iter()
            .map(|address| open_at(dialer, address, master.map(String::as_str), hears.clone()))
            .collect();
        let mut fault = Fault::connection("store.nodes is empty");
        while let Some(opened) = attempts.next().await {
            match opened {
                Ok(opened) => return Ok(opened),
                // What a server says tells more than that there is none.
                Err(f) if fault.kind != Kind::Connection && f.kind == Kind::Connection => {}
                Err(f) => fault = f,
            }
        }
        Err(fault)
    }
}

async fn open_at(
    dialer: &Dialer,
    address: &str,
    master: Option<&str>,
    hears: Option<Hears>,
) -> Result<Opened, Fault> {
    let found;
    let address = match master {
        None => address,
        Some(name) => {
            found = dialer.ask_sentinel(address, name).await?;
            &found
        }
    };
    let mut opened = dialer.open(address, Peer::Server, hears).await?;
    dialer.verify(&mut opened).await?;
    Ok(opened)
}

/// A connection that a task of its own drives for as long as anybody has it.
#[derive(Clone)]
pub(super) struct Connection {
    pub(super) number: u64,
    pub(super) inner: MultiplexedConnection,
    pub(super) address: Arc<str>,
    _driver: Arc<Driver>,
}

struct Driver(AbortHandle);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

static NUMBERS: AtomicU64 = AtomicU64::new(0);

impl Connection {
    /// Drives `opened` on this runtime, and calls `ended` when the connection ends by itself.
    pub(super) fn run(opened: Opened, ended: impl FnOnce(u64) + Send + 'static) -> Self {
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let driver = opened.driver;
        let task = tokio::spawn(async move {
            driver.await;
            ended(number);
        });
        Self {
            number,
            inner: opened.connection,
            address: opened.address.into(),
            _driver: Arc::new(Driver(task.abort_handle())),
        }
    }
}
