//! What `check --online` asks of the world: can the store be opened, do the mail server and each upstream's target answer; changes nothing unless it is to mend indexes.

use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::base::ceilings::CLOCK_SKEW;
use crate::base::clock::Clock;
use crate::config::model::{Config, RedisStore, Store, Upstream};
use crate::outbound::smtp;
use crate::store::embedded::{EmbeddedStore, OpenError, Options};
use crate::store::redis;

/// One thing that was asked.
#[derive(Debug)]
pub struct Finding {
    /// What: the setting's path.
    pub what: String,
    /// What came of it, for people.
    pub outcome: Result<String, String>,
}

/// Asks store, upstreams and mail server; `mend` has indexes of a shared store mended as well.
pub async fn check(config: &Config, mend: bool) -> Vec<Finding> {
    let mut findings = match &config.store {
        Store::Embedded { path } => vec![embedded(path).await],
        Store::Redis(settings) => redis(settings, mend).await,
    };
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
    if let Some(smtp) = &config.smtp {
        findings.push(Finding {
            what: format!("smtp {}:{}", smtp.host, smtp.port),
            outcome: smtp::greet(smtp).await,
        });
    }
    findings
}

async fn embedded(path: &Path) -> Finding {
    let what = "store".to_owned();
    if !path.exists() {
        return Finding {
            what,
            outcome: Ok(format!("{} will be made", path.display())),
        };
    }
    let path = path.to_owned();
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

/// What each server says of itself, and whose layout is on them.
async fn redis(settings: &RedisStore, mend: bool) -> Vec<Finding> {
    let store = redis::Store::new(settings.clone(), Clock::system());
    let found = match store.check(settings).await {
        Ok(found) => found,
        Err(e) => {
            return vec![Finding {
                what: "store".to_owned(),
                outcome: Err(e.to_string()),
            }];
        }
    };
    let is_ours = found.iter().all(|f| f.weight < redis::Weight::Refuse);
    let mut findings: Vec<Finding> = found
        .into_iter()
        .map(|finding| Finding {
            what: format!("store {}", finding.server).trim_end().to_owned(),
            outcome: match finding.weight {
                redis::Weight::Good => Ok(finding.text),
                redis::Weight::Warn => Ok(format!("warning: {}", finding.text)),
                redis::Weight::Refuse => Err(finding.text),
            },
        })
        .collect();
    if let Some(clock) = store.read_clocks(&Clock::system()).await {
        let skew = Duration::from_millis(clock.skew_ms);
        let differ = if skew > CLOCK_SKEW { "warning: " } else { "" };
        findings.push(Finding {
            what: "store".to_owned(),
            outcome: Ok(format!(
                "{differ}its clock and this machine's differ by {} ms",
                clock.skew_ms
            )),
        });
    }
    if is_ours {
        findings.push(indexes(&store, mend).await);
    }
    findings
}

/// Whether indexes lead where they should.
async fn indexes(store: &redis::Store, mend: bool) -> Finding {
    let outcome = match store.repair(mend, Clock::system().now()).await {
        Err(e) => Err(format!("its indexes cannot be read: {e}")),
        Ok(report) => {
            let all = [report.keys, report.digests, report.accounts, report.log];
            let sum = |of: fn(&redis::repair::Found) -> u64| all.iter().map(of).sum::<u64>();
            let (entries, stray) = (sum(|f| f.entries), sum(|f| f.stray));
            let missing = sum(|f| f.missing);
            Ok(if report.is_clean() {
                format!("its indexes are as they should be ({entries} entries)")
            } else if mend {
                format!(
                    "{stray} entries that led nowhere were taken out of its indexes, {missing} were put in"
                )
            } else {
                format!(
                    "warning: {stray} entries of its indexes lead nowhere, {missing} are missing; `--repair` mends them"
                )
            })
        }
    };
    Finding {
        what: "store".to_owned(),
        outcome,
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::redis::testing::{Server, cluster_settings};

    fn texts(findings: &[Finding]) -> (Vec<String>, Vec<String>) {
        let of = |good: bool| {
            let those = findings.iter().filter(|f| f.outcome.is_ok() == good);
            let text = |f: &Finding| match &f.outcome {
                Ok(text) | Err(text) => format!("{}: {text}", f.what),
            };
            those.map(text).collect()
        };
        (of(true), of(false))
    }

    #[tokio::test]
    async fn a_redis_that_loses_data_is_found_and_nothing_is_written() {
        let mut server = Server::start(&[]);
        let (good, wrong) = texts(&redis(&server.settings(), false).await);
        assert!(wrong.is_empty(), "{wrong:?}");
        let at = format!("store 127.0.0.1:{}: warning: appendonly is no", server.port);
        assert!(good[0].starts_with(&at), "{good:?}");
        assert!(
            good[1].starts_with("store: no data of this store so far"),
            "{good:?}"
        );
        assert!(
            good[2].starts_with("store: its clock and this machine's differ by"),
            "{good:?}"
        );
        assert_eq!(
            good[3],
            "store: its indexes are as they should be (0 entries)"
        );
        let () = server.ask(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lfu"]);
        let (_, wrong) = texts(&redis(&server.settings(), false).await);
        assert!(
            wrong[0].contains("maxmemory-policy is allkeys-lfu"),
            "{wrong:?}"
        );
        assert_eq!(server.ask::<Vec<String>>(&["KEYS", "*layout"]), [""; 0]);
        server.kill();
        let (_, wrong) = texts(&redis(&server.settings(), false).await);
        assert!(
            wrong[0].starts_with("store: store unavailable: "),
            "{wrong:?}"
        );
    }

    #[tokio::test]
    async fn an_entry_that_leads_nowhere_is_found_and_taken_out_only_where_asked() {
        let server = Server::start(&[]);
        let settings = server.settings();
        let shard = crc32fast::hash(b"key_1") % 16;
        let name = format!("{}:{{~k{shard}}}:ids", settings.key_prefix);
        let stray = ["ZADD", &name, "0", "key_1 acct_1"];
        let _: u64 = server.ask(&stray);
        for (mend, wanted) in [
            (false, "entries of its indexes lead nowhere"),
            (true, "entries that led nowhere were taken out"),
            (false, "its indexes are as they should be"),
        ] {
            let (good, wrong) = texts(&redis(&settings, mend).await);
            assert!(wrong.is_empty(), "{wrong:?}");
            assert!(good[3].contains(wanted), "{good:?}");
        }
    }

    #[tokio::test]
    async fn each_master_of_a_cluster_is_asked() {
        let (good, wrong) = texts(&redis(&cluster_settings(), false).await);
        assert!(wrong.is_empty(), "{wrong:?}");
        let asked = good.iter().filter(|t| t.contains("appendonly is no"));
        assert_eq!(asked.count(), 3, "{good:?}");
    }
}
