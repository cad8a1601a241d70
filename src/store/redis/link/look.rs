//! Asks a cluster which of its nodes serve which slots; never when to ask.

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use redis::Value;
use redis::aio::MultiplexedConnection;
use tokio::time::timeout;

use super::dial::Peer;
use super::fault::Fault;
use super::router::Router;
use super::slots::{self, Range};
use crate::base::ceilings::REDIS_CONNECT_TIME;

/// Asks once and takes in the answer; where there is none, those who need it ask again.
pub(super) async fn once(router: &Router) {
    match ask_masters(router).await {
        Some(ranges) => router.install(ranges),
        None => match timeout(REDIS_CONNECT_TIME, ask_anybody(router)).await {
            Ok(Ok(ranges)) => router.install(ranges),
            Ok(Err(fault)) => {
                tracing::debug!("the cluster's slots cannot be read: {}", fault.text)
            }
            Err(_) => tracing::debug!("the cluster's slots cannot be read in time"),
        },
    }
}

/// What most masters say that can be asked now; as soon as more than half agree, the others are not waited for.
async fn ask_masters(router: &Router) -> Option<Vec<Range>> {
    let nodes = router.nodes();
    let connected: Vec<_> = nodes.iter().filter_map(|node| node.connected()).collect();
    let enough = connected.len() / 2 + 1;
    let mut asked: FuturesUnordered<_> = connected
        .into_iter()
        .map(async |mut connection| {
            let host = slots::split(&connection.address).map_or("", |(host, _)| host);
            let host = host.to_owned();
            let answer = slots_of(&mut connection.inner, &host, router.dialer.is_secure());
            timeout(REDIS_CONNECT_TIME / 2, answer).await.ok()?.ok()
        })
        .collect();
    let mut views: Vec<(Vec<Range>, usize)> = Vec::new();
    while let Some(answer) = asked.next().await {
        let Some(view) = answer else { continue };
        match views.iter_mut().find(|(known, _)| *known == view) {
            Some((_, votes)) => *votes += 1,
            None => views.push((view, 1)),
        }
        if views.iter().any(|(_, votes)| *votes >= enough) {
            break;
        }
    }
    let best = views.into_iter().max_by_key(|(_, votes)| *votes);
    best.map(|(view, _)| view)
}

/// What the first says that can be reached at all: masters, replicas, or the nodes of the configuration, whose names
/// may lead elsewhere by now.
async fn ask_anybody(router: &Router) -> Result<Vec<Range>, Fault> {
    let map = router.map();
    let masters = map.nodes.iter().filter_map(|node| node.address());
    let mut addresses: Vec<&str> = masters
        .chain(map.replicas.iter().map(String::as_str))
        .chain(router.dialer.seeds.iter().map(String::as_str))
        .collect();
    addresses.sort_unstable();
    addresses.dedup();
    let mut asked: FuturesUnordered<_> = addresses
        .into_iter()
        .map(async |address| {
            let opened = router.dialer.open(address, Peer::Server, None).await?;
            let (mut connection, driver) = (opened.connection, opened.driver);
            let host = slots::split(address).map_or("", |(host, _)| host);
            tokio::select! {
                view = slots_of(&mut connection, host, router.dialer.is_secure()) => view,
                () = driver => Err(Fault::connection("it was closed at once")),
            }
        })
        .collect();
    let mut fault = Fault::connection("store.nodes is empty");
    while let Some(answer) = asked.next().await {
        match answer {
            Ok(view) => return Ok(view),
            Err(f) => fault = f,
        }
    }
    Err(fault)
}

async fn slots_of(
    connection: &mut MultiplexedConnection,
    host: &str,
    tls: bool,
) -> Result<Vec<Range>, Fault> {
    let answer = redis::cmd("CLUSTER")
        .arg("SLOTS")
        .query_async::<Value>(connection)
        .await
        .map_err(|e| Fault::connection(format_args!("CLUSTER SLOTS: {e}")))?;
    slots::read(answer, host, tls).map_err(Fault::connection)
}
