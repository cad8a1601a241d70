//! What `check --online` asks of the world: can the store be opened, does each upstream's target answer; changes nothing.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::base::clock::Clock;
use crate::config::model::{Config, Store, Upstream};
use crate::store::embedded::{EmbeddedStore, OpenError, Options};

/// One thing that was asked.
#[derive(Debug)]
pub struct Finding {
    /// What: the setting's path.
    pub what: String,
    /// What came of it, for people.
    pub outcome: Result<String, String>,
}

/// Asks store and upstreams.
pub async fn check(config: &Config) -> Vec<Finding> {
    let mut findings = vec![store(&config.store).await];
    for upstream in &config.upstreams {
        for (index, target) in upstream.targets.iter().enumerate() {
            findings.push(Finding {
                what: format!(
                    "upstreams.{}.targets[{index}] {}",
                    upstream.name, target.address
                ),
                outcome: ask(upstream, &target.address).await,
            });
        }
    }
    findings
}

async fn store(store: &Store) -> Finding {
    let what = "store".to_owned();
    let Store::Embedded { path } = store else {
        return Finding {
            what,
            outcome: Err("not available yet".to_owned()),
        };
    };
    if !path.exists() {
        return Finding {
            what,
            outcome: Ok(format!("{} will be made", path.display())),
        };
    }
    let path = path.clone();
    let opened = tokio::task::spawn_blocking(move || {
        let opened = EmbeddedStore::open(&path, Clock::system(), Options::default());
        opened.map(|s| s.close())
    })
    .await;
    let outcome = match opened {
        Ok(Ok(())) => Ok("opens".to_owned()),
        Ok(Err(OpenError::InUse(_))) => Ok("is in use by a running gateway".to_owned()),
        Ok(Err(e)) => Err(e.to_string()),
        Err(e) => Err(e.to_string()),
    };
    Finding { what, outcome }
}

/// Connects, and asks for the health check's path where the upstream has one and speaks plain HTTP.
async fn ask(upstream: &Upstream, address: &str) -> Result<String, String> {
    let connect = tokio::time::timeout(upstream.connect_timeout, TcpStream::connect(address));
    let mut stream = match connect.await {
        Ok(Ok(stream)) => stream,
        Ok(Err(e)) => return Err(format!("cannot connect: {e}")),
        Err(_) => return Err("cannot connect in time".to_owned()),
    };
    let Some(check) = upstream.health_check.as_ref().filter(|_| !upstream.tls) else {
        return Ok("accepts connections".to_owned());
    };
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n",
        check.path
    );
    let exchange = async {
        stream.write_all(request.as_bytes()).await?;
        let mut line = [0; 12];
        stream.read_exact(&mut line).await?;
        Ok::<_, std::io::Error>(String::from_utf8_lossy(&line).into_owned())
    };
    match tokio::time::timeout(upstream.read_timeout.min(Duration::from_secs(10)), exchange).await {
        Ok(Ok(line)) if line.starts_with("HTTP/1.1 2") => Ok(format!("healthy ({line})")),
        Ok(Ok(line)) => Err(format!("its health check answers {line:?}")),
        Ok(Err(e)) => Err(format!("its health check fails: {e}")),
        Err(_) => Err("its health check does not answer in time".to_owned()),
    }
}
