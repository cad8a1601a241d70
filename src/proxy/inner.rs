//! Connections from inside this process to the workers, served as those from listeners are; never a way around a request's rules.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::UnixStream;
use tokio::sync::mpsc::{self, error::TrySendError};

use super::connection::Connection;
use super::places::{Full, Place, Places};
use crate::base::ceilings::portal::API_CONNECTIONS;

/// Why no connection was opened.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// Whoever asks has as many as one source may have.
    #[error("as many calls of this source are under way as may be")]
    SourceFull,
    /// No place is free, the workers have stopped, or the system refuses.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Opens connections to the workers, to each in turn.
#[derive(Debug)]
pub struct Door {
    workers: Vec<mpsc::Sender<Inner>>,
    turn: AtomicUsize,
    places: Places,
}

/// Where a worker takes such connections in.
#[derive(Debug)]
pub struct Entrance(mpsc::Receiver<Inner>);

/// A worker's end of a connection, on its way there.
#[derive(Debug)]
pub(super) struct Inner {
    // The standard library's: a socket of tokio's would belong to the runtime that made it, and workers have their own.
    stream: StdUnixStream,
    peer: SocketAddr,
    tls: bool,
    place: Place,
}

/// Makes a door and the entrances of as many workers (at least one).
pub fn door(workers: usize) -> (Door, Vec<Entrance>) {
    let made = (0..workers.max(1)).map(|_| {
        // As many as there are places in all, so that whoever has a place need not wait again.
        let (sender, receiver) = mpsc::channel(API_CONNECTIONS);
        (sender, Entrance(receiver))
    });
    let (workers, entrances) = made.unzip();
    let door = Door {
        workers,
        turn: AtomicUsize::new(0),
        places: Places::default(),
    };
    (door, entrances)
}

impl Door {
    /// Opens a connection on behalf of `peer`, who speaks TLS to us or not: all that is known of it is as if it had come to
    /// a listener itself. Places are counted by `source`, the client's own address where a proxy of the operator's is the peer.
    ///
    /// # Errors
    /// [`DoorError`].
    pub async fn open(
        &self,
        peer: SocketAddr,
        source: IpAddr,
        tls: bool,
    ) -> Result<UnixStream, DoorError> {
        let place = self.places.take(source).await.map_err(|full| match full {
            Full::Source => DoorError::SourceFull,
            Full::All => DoorError::Io(io::ErrorKind::TimedOut.into()),
        })?;
        let (ours, theirs) = StdUnixStream::pair()?;
        ours.set_nonblocking(true)?;
        theirs.set_nonblocking(true)?;
        let inner = Inner {
            stream: theirs,
            peer,
            tls,
            place,
        };
        self.send(inner)?;
        Ok(UnixStream::from_std(ours)?)
    }

    fn send(&self, mut inner: Inner) -> io::Result<()> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.workers.len().max(1);
        let (before, from) = self.workers.split_at(turn);
        for worker in from.iter().chain(before) {
            match worker.try_send(inner) {
                Ok(()) => return Ok(()),
                // That worker has stopped, or could not start.
                Err(TrySendError::Closed(back) | TrySendError::Full(back)) => inner = back,
            }
        }
        Err(io::ErrorKind::NotConnected.into())
    }
}

impl Entrance {
    /// The next connection; `None` when there is no door any more.
    pub(super) async fn next(&mut self) -> Option<Inner> {
        self.0.recv().await
    }
}

impl Inner {
    /// Makes it the worker's: its socket, who is at the far end, and the place that it holds.
    pub(super) fn arrive(self) -> io::Result<(UnixStream, Connection, Place)> {
        let stream = UnixStream::from_std(self.stream)?;
        Ok((stream, Connection::new(self.peer, self.tls), self.place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ceilings::portal::API_SOURCE_CONNECTIONS;

    const PEER: ([u8; 4], u16) = ([203, 0, 113, 9], 4711);

    async fn open(door: &Door, tls: bool) -> Result<UnixStream, DoorError> {
        let peer: SocketAddr = PEER.into();
        door.open(peer, peer.ip(), tls).await
    }

    #[tokio::test]
    async fn workers_take_turns_and_those_that_stopped_are_passed_over() {
        let (door, mut entrances) = door(3);
        drop(entrances.remove(1));
        for _ in 0..6 {
            open(&door, true).await.unwrap();
        }
        let mut got = [0, 0];
        for (entrance, got) in entrances.iter_mut().zip(&mut got) {
            while let Ok(inner) = entrance.0.try_recv() {
                let (_, connection, _) = inner.arrive().unwrap();
                assert_eq!((connection.peer, connection.tls), (PEER.into(), true));
                *got += 1;
            }
        }
        assert_eq!(got, [2, 4]);
        drop(entrances);
        let refused = open(&door, true).await.unwrap_err();
        assert!(
            matches!(&refused, DoorError::Io(e) if e.kind() == io::ErrorKind::NotConnected),
            "{refused:?}"
        );
    }

    #[tokio::test]
    async fn no_source_has_more_connections_than_its_share_and_an_ended_one_makes_room() {
        let (door, mut entrances) = door(1);
        let mut all = Vec::new();
        for _ in 0..API_SOURCE_CONNECTIONS {
            all.push(open(&door, false).await.unwrap());
        }
        let is_full = |refused| matches!(refused, Err(DoorError::SourceFull));
        assert!(is_full(open(&door, false).await));
        let other = [203, 0, 113, 10].into();
        assert!(door.open(PEER.into(), other, false).await.is_ok());
        // Letting go of our end is not enough: the worker may still be at it.
        all.clear();
        assert!(is_full(open(&door, false).await));
        drop(entrances[0].next().await);
        assert!(open(&door, false).await.is_ok());
    }
}
