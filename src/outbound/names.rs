//! Resolves the names of receivers within a time, by the system's or the operator's name servers; never judges an address.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::{Hosts, TokioResolver, system_conf};
use parking_lot::Mutex;
use tokio::time::{Instant, timeout_at};

use super::resolver::Unreachable;
use crate::base::ceilings::{
    RESOLVED_NAMES, RESOLVED_NEGATIVE_TIME, RESOLVED_TIME, RESOLVER_LOOK, RESOLVER_TRIES,
};
use crate::config::model::NameServers;

const SYSTEM_FILES: [&str; 2] = ["/etc/resolv.conf", "/etc/hosts"];

/// Finds the addresses of a name.
#[async_trait]
pub(super) trait LookUp: Send + Sync {
    /// All addresses of `host`, in the order in which they should be tried.
    async fn look_up(&self, host: &str) -> Result<Vec<IpAddr>, Unreachable>;
}

/// The hosts file first, then name servers: IPv4 and IPv6 at once, no search domains, an answer kept no longer than it
/// may be. No thread waits meanwhile, and what is not answered in time is forgotten.
pub(super) struct Dns {
    settings: NameServers,
    current: ArcSwap<Resolver>,
    /// When the system's files were last looked at.
    looked: Mutex<Instant>,
}

struct Resolver {
    dns: TokioResolver,
    hosts: Hosts,
    files: Stamp,
}

/// When the system's files were changed last.
type Stamp = [Option<SystemTime>; SYSTEM_FILES.len()];

impl Dns {
    /// # Errors
    /// The library cannot be set up; text for the log.
    pub(super) fn new(settings: NameServers) -> Result<Self, String> {
        let resolver = Resolver::new(&settings, stamp())?;
        Ok(Self {
            settings,
            current: ArcSwap::from_pointee(resolver),
            looked: Mutex::new(Instant::now()),
        })
    }

    /// The resolver of now: name servers change under a process that lives long.
    fn current(&self) -> Arc<Resolver> {
        let now = Instant::now();
        {
            let mut looked = self.looked.lock();
            if now.duration_since(*looked) < RESOLVER_LOOK {
                return self.current.load_full();
            }
            *looked = now;
        }
        let files = stamp();
        if files != self.current.load().files {
            match Resolver::new(&self.settings, files) {
                Ok(resolver) => self.current.store(Arc::new(resolver)),
                Err(error) => tracing::warn!(error, "the old name servers are asked on"),
            }
        }
        self.current.load_full()
    }
}

fn stamp() -> Stamp {
    SYSTEM_FILES.map(|file| std::fs::metadata(file).ok()?.modified().ok())
}

impl Resolver {
    fn new(settings: &NameServers, files: Stamp) -> Result<Self, String> {
        let config = ResolverConfig::from_name_servers(name_servers(settings));
        let mut builder =
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        *builder.options_mut() = options(settings.timeout);
        let dns = builder
            .build()
            .map_err(|e| format!("names cannot be resolved: {e}"))?;
        Ok(Self {
            dns,
            hosts: Hosts::from_system().unwrap_or_default(),
            files,
        })
    }

    /// What the hosts file says; where it knows a name, nobody is asked.
    fn of_file(&self, name: &Name) -> Vec<IpAddr> {
        let of = |kind| {
            let found = self
                .hosts
                .lookup_static_host(&Query::query(name.clone(), kind));
            found.as_ref().map(addresses).unwrap_or_default()
        };
        [of(RecordType::A), of(RecordType::AAAA)].concat()
    }
}

fn name_servers(settings: &NameServers) -> Vec<NameServerConfig> {
    if settings.servers.is_empty() {
        return match system_conf::read_system_conf() {
            Ok((config, _)) => config.name_servers().to_vec(),
            Err(error) => {
                tracing::warn!(%error, "no name servers found: webhooks to host names will fail");
                Vec::new()
            }
        };
    }
    let server = |address: &std::net::SocketAddr| {
        let mut ways = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
        for way in &mut ways {
            way.port = address.port();
        }
        NameServerConfig::new(address.ip(), true, ways.to_vec())
    };
    settings.servers.iter().map(server).collect()
}

fn options(time: Duration) -> ResolverOpts {
    let mut options = ResolverOpts::default();
    options.timeout = time / RESOLVER_TRIES;
    options.attempts = RESOLVER_TRIES as usize - 1;
    options.use_hosts_file = ResolveHosts::Never;
    options.cache_size = RESOLVED_NAMES;
    options.positive_max_ttl = Some(RESOLVED_TIME);
    options.negative_max_ttl = Some(RESOLVED_NEGATIVE_TIME);
    options
}

fn addresses(found: &Lookup) -> Vec<IpAddr> {
    let of = found.answers().iter().filter_map(|r| r.data.ip_addr());
    of.collect()
}

#[async_trait]
impl LookUp for Dns {
    async fn look_up(&self, host: &str) -> Result<Vec<IpAddr>, Unreachable> {
        let mut name = Name::from_ascii(host).map_err(|_| Unreachable::NoAddress)?;
        // No search domains: a receiver's name means the same on every node.
        name.set_fqdn(true);
        let resolver = self.current();
        let known = resolver.of_file(&name);
        if !known.is_empty() {
            return Ok(known);
        }
        let end = Instant::now() + self.settings.timeout;
        let ask = |kind| timeout_at(end, resolver.dns.lookup(name.clone(), kind));
        let (v4, v6) = tokio::join!(ask(RecordType::A), ask(RecordType::AAAA));
        let mut found = Vec::new();
        let mut why = Unreachable::NoAddress;
        for answer in [v4, v6] {
            match answer {
                Ok(Ok(answer)) => found.extend(addresses(&answer)),
                Ok(Err(NetError::Dns(DnsError::NoRecordsFound(_)))) => {}
                Ok(Err(NetError::Timeout)) | Err(_) => why = Unreachable::Late,
                Ok(Err(error)) => {
                    tracing::debug!(%error, host, "name servers fail");
                    if why == Unreachable::NoAddress {
                        why = Unreachable::Unresolved;
                    }
                }
            }
        }
        if found.is_empty() {
            Err(why)
        } else {
            Ok(found)
        }
    }
}
