//! Opens connections to servers and sentinels: TCP, TLS, password, database; never decides when.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use redis::aio::{ConnectionLike as _, MultiplexedConnection};
use redis::{
    AsyncConnectionConfig, IntoConnectionInfo as _, ProtocolVersion, PushInfo, RedisConnectionInfo,
};
use rustix::net::sockopt;
use tokio::net::TcpStream;
use tokio_util::either::Either;

use super::fault::{Fault, Kind, Miss, Says, miss};
use super::slots::{join, split};
use super::tls::Tls;
use crate::base::ceilings::{REDIS_QUEUE, REDIS_SILENCE};
use crate::config::model::RedisStore;

/// What a connection hears without having asked.
pub(super) type Hears = Arc<dyn Fn(PushInfo) + Send + Sync>;

/// A connection whose driver does not run yet.
pub(super) struct Opened {
    pub(super) connection: MultiplexedConnection,
    /// Carries requests and answers, and ends with the connection.
    pub(super) driver: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// Where it leads: `host:port`.
    pub(super) address: String,
}

/// Who is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Peer {
    /// A server with our data.
    Server,
    /// A sentinel, which has no data and often no passwords.
    Sentinel,
}

/// Knows how every server of a store is reached.
pub(super) struct Dialer {
    /// `host:port` of each of `store.nodes`.
    pub(super) seeds: Vec<String>,
    account: RedisConnectionInfo,
    tls: Option<Tls>,
    /// The key that is written to see whether writes go through.
    probe: String,
}

impl Dialer {
    /// # Errors
    /// When a URL cannot be read, which the configuration's check finds first.
    pub(super) fn new(settings: &RedisStore) -> Result<Self, Fault> {
        let (mut seeds, mut account, mut secure) = (Vec::new(), None, false);
        for node in &settings.nodes {
            let text = node.expose();
            let plain = text.strip_prefix("rediss://");
            secure |= plain.is_some();
            let plain = plain.map(|rest| format!("redis://{rest}"));
            // The library's own error would name the URL.
            let info = plain.as_deref().unwrap_or(text).into_connection_info();
            let info = info.map_err(|_| unreadable())?;
            let redis::ConnectionAddr::Tcp(host, port) = info.addr() else {
                return Err(unreadable());
            };
            seeds.push(join(host, *port));
            account.get_or_insert_with(|| info.redis_settings().clone());
        }
        let account = account.ok_or_else(unreadable)?;
        Ok(Self {
            seeds,
            account: account
                .set_protocol(ProtocolVersion::RESP3)
                .set_lib_name("fuelgate", env!("CARGO_PKG_VERSION")),
            tls: secure.then(|| Tls::new(settings.tls.clone())),
            probe: format!("{}:~probe", settings.key_prefix),
        })
    }

    /// Whether connections are encrypted.
    pub(super) const fn is_secure(&self) -> bool {
        self.tls.is_some()
    }

    /// Opens a connection to `address`.
    pub(super) async fn open(
        &self,
        address: &str,
        peer: Peer,
        hears: Option<Hears>,
    ) -> Result<Opened, Fault> {
        if peer == Peer::Server {
            return self.open_as(address, &self.account, hears).await;
        }
        let account = self.account.clone().set_db(0);
        match self.open_as(address, &account, None).await {
            Err(fault) if fault.kind == Kind::Credentials => {
                // The credentials of `store.nodes` are those of the servers; this sentinel has others, or none.
                let nobody = RedisConnectionInfo::default().set_protocol(ProtocolVersion::RESP3);
                self.open_as(address, &nobody, None).await
            }
            other => other,
        }
    }

    async fn open_as(
        &self,
        address: &str,
        account: &RedisConnectionInfo,
        hears: Option<Hears>,
    ) -> Result<Opened, Fault> {
        let (host, port) =
            split(address).ok_or_else(|| Fault::connection("no address of a server"))?;
        let failed = |e: std::io::Error| Fault::connection(format_args!("{address}: {e}"));
        let socket = TcpStream::connect((host, port)).await.map_err(failed)?;
        prepare(&socket).map_err(failed)?;
        let stream = match &self.tls {
            None => Either::Left(socket),
            Some(tls) => Either::Right(tls.connect(host, socket).await.map_err(failed)?),
        };
        let mut config = AsyncConnectionConfig::new()
            // Each call has a deadline of its own.
            .set_response_timeout(None)
            .set_pipeline_buffer_size(REDIS_QUEUE);
        if let Some(hears) = hears {
            config = config.set_push_sender(move |info: PushInfo| {
                hears(info);
                Ok::<(), ()>(())
            });
        }
        let (connection, driver) = MultiplexedConnection::new_with_config(account, stream, config)
            .await
            .map_err(|e| refused(miss(&e)))?;
        Ok(Opened {
            connection,
            driver: Box::pin(driver),
            address: address.to_owned(),
        })
    }

    /// Writes to a server through a connection that nothing drives yet, to see whether it serves: one that loads, waits
    /// for its master or is a replica answers but does not.
    pub(super) async fn verify(&self, opened: &mut Opened) -> Result<(), Fault> {
        let mut cmd = redis::cmd("SET");
        cmd.arg(&self.probe).arg(1).arg("PX").arg(10_000);
        let answer = tokio::select! {
            answer = opened.connection.req_packed_command(&cmd) => {
                answer.and_then(redis::Value::extract_error)
            }
            () = &mut opened.driver => return Err(Fault::connection("it was closed at once")),
        };
        match answer.as_ref().map_err(miss) {
            Err(Miss::Fault(fault)) if fault.kind.says() != Says::Works => Err(fault),
            _ => Ok(()),
        }
    }

    /// Where the sentinel at `address` says that the master called `name` is.
    pub(super) async fn ask_sentinel(&self, address: &str, name: &str) -> Result<String, Fault> {
        let mut opened = self.open(address, Peer::Sentinel, None).await?;
        let mut cmd = redis::cmd("SENTINEL");
        cmd.arg("GET-MASTER-ADDR-BY-NAME").arg(name);
        let answer = tokio::select! {
            answer = opened.connection.req_packed_command(&cmd) => answer,
            () = &mut opened.driver => return Err(Fault::connection("it was closed at once")),
        };
        let answer = answer
            .and_then(redis::Value::extract_error)
            .map_err(|e| refused(miss(&e)))?;
        let found: Option<(String, u16)> = redis::from_redis_value(answer).unwrap_or_default();
        found.map(|(host, port)| join(&host, port)).ok_or_else(|| {
            Fault::connection("the sentinels watch no master of the name in store.sentinel")
        })
    }
}

fn unreadable() -> Fault {
    Fault::connection("store.nodes cannot be read")
}

/// While connecting, an error reply of whatever kind means that there is no connection.
fn refused(miss: Miss) -> Fault {
    match miss {
        Miss::Fault(fault) if fault.kind.says() == Says::Works => Fault::connection(fault.text),
        Miss::Fault(fault) => fault,
        Miss::Redirect(_) => Fault::connection("the server sends us elsewhere"),
    }
}

/// What the system must do for us: send small requests at once, and notice a network that swallows everything.
fn prepare(socket: &TcpStream) -> std::io::Result<()> {
    socket.set_nodelay(true)?;
    sockopt::set_socket_keepalive(socket, true)?;
    sockopt::set_tcp_keepidle(socket, REDIS_SILENCE)?;
    sockopt::set_tcp_keepintvl(socket, REDIS_SILENCE / 5)?;
    sockopt::set_tcp_keepcnt(socket, 3)?;
    let silence = u32::try_from(REDIS_SILENCE.as_millis()).unwrap_or(u32::MAX);
    sockopt::set_tcp_user_timeout(socket, silence)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::secret::Secret;
    use crate::store::redis::testing::settings_for;

    fn dialer(nodes: &[&str]) -> Result<Dialer, Fault> {
        Dialer::new(&settings_for(nodes.iter().map(ToString::to_string)))
    }

    #[test]
    fn addresses_users_and_databases_come_from_the_urls() {
        let d = dialer(&["redis://u:p%40ss@a.b:1/3", "redis://u:p%40ss@[::1]"]).unwrap();
        assert_eq!(d.seeds, ["a.b:1", "[::1]:6379"]);
        assert_eq!(d.account.username(), Some("u"));
        assert_eq!(d.account.password(), Some("p@ss"));
        assert_eq!(d.account.db(), 3);
        assert!(!d.is_secure());
        assert!(dialer(&["rediss://a"]).unwrap().is_secure());
    }

    #[test]
    fn a_url_that_cannot_be_read_is_not_shown() {
        let mut settings = settings_for([]);
        settings.nodes = vec![Secret::new("redis://u:hunter2@a:port")];
        let text = Dialer::new(&settings).err().unwrap().text;
        assert!(!text.contains("hunter2"), "{text}");
    }
}
