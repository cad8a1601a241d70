//! How many connections from inside the process are open, in all and on behalf of each source; never what passes over them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::base::ceilings::portal::{API_CONNECTIONS, API_OPEN_TIME, API_SOURCE_CONNECTIONS};
use crate::base::network;

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Full {
    /// The source has as many as one may have.
    #[error("{API_SOURCE_CONNECTIONS} calls of this source are under way")]
    Source,
    /// All are taken, and none became free in time.
    #[error("{API_CONNECTIONS} calls are under way")]
    All,
}

/// The places.
#[derive(Debug)]
pub(super) struct Places {
    all: Arc<Semaphore>,
    shares: Arc<Shares>,
}

/// A place, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    _of_all: OwnedSemaphorePermit,
    _share: Share,
}

/// What each source has; no entry where it has nothing. A lock that is held for a look only.
#[derive(Debug, Default)]
struct Shares(Mutex<HashMap<IpAddr, usize>>);

#[derive(Debug)]
struct Share {
    source: IpAddr,
    of: Arc<Shares>,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            all: Arc::new(Semaphore::new(API_CONNECTIONS)),
            shares: Arc::default(),
        }
    }
}

impl Places {
    /// A place for a connection on behalf of `source`. Who has its share already does not wait: it would stand in the way of
    /// others.
    pub(super) async fn take(&self, source: IpAddr) -> Result<Place, Full> {
        let share = Share::take(&self.shares, source).ok_or(Full::Source)?;
        let free = timeout(API_OPEN_TIME, Arc::clone(&self.all).acquire_owned()).await;
        let of_all = free.ok().and_then(Result::ok).ok_or(Full::All)?;
        Ok(Place {
            _of_all: of_all,
            _share: share,
        })
    }
}

impl Share {
    fn take(shares: &Arc<Shares>, source: IpAddr) -> Option<Self> {
        let source = network::source(source);
        let mut all = shares.0.lock();
        let taken = all.entry(source).or_default();
        if *taken >= API_SOURCE_CONNECTIONS {
            return None;
        }
        *taken += 1;
        Some(Self {
            source,
            of: Arc::clone(shares),
        })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut all = self.of.0.lock();
        if let Some(taken) = all.get_mut(&self.source) {
            *taken = taken.saturating_sub(1);
            if *taken == 0 {
                all.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(n: usize) -> IpAddr {
        std::net::Ipv4Addr::from(u32::try_from(n).unwrap()).into()
    }

    // Time stands still and jumps to the next timer whenever nothing else is to be done.
    #[tokio::test(start_paused = true)]
    async fn no_source_has_more_than_its_share_and_all_have_no_more_than_there_are() {
        let places = Places::default();
        let mut taken = Vec::new();
        for n in 0..API_CONNECTIONS {
            let place = places.take(source(n / API_SOURCE_CONNECTIONS)).await;
            taken.push(place.unwrap());
        }
        assert_eq!(places.take(source(0)).await.unwrap_err(), Full::Source);
        let another = source(API_CONNECTIONS);
        assert_eq!(places.take(another).await.unwrap_err(), Full::All);
        taken.pop();
        assert!(places.take(another).await.is_ok());
        taken.clear();
        assert!(places.shares.0.lock().is_empty(), "nobody is remembered");
    }

    #[tokio::test]
    async fn a_network_of_ipv6_is_one_source() {
        let places = Places::default();
        let mut taken = Vec::new();
        for n in 0..API_SOURCE_CONNECTIONS {
            let address = format!("2001:db8::{n:x}").parse().unwrap();
            taken.push(places.take(address).await.unwrap());
        }
        let mine = "2001:db8::ffff:1".parse().unwrap();
        assert_eq!(places.take(mine).await.unwrap_err(), Full::Source);
        assert!(
            places
                .take("2001:db8:0:1::1".parse().unwrap())
                .await
                .is_ok()
        );
        taken.pop();
        assert!(places.take(mine).await.is_ok());
    }
}
