//! Connections from inside this process to the workers, served as those from listeners are; never a way around a request's rules.

use std::io;
use std::net::SocketAddr;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::UnixStream;
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::connection::Connection;
use crate::base::ceilings::portal::{API_CONNECTIONS, API_OPEN_TIME};

/// Opens connections to the workers, to each in turn.
#[derive(Debug)]
pub struct Door {
    workers: Vec<mpsc::Sender<Inner>>,
    turn: AtomicUsize,
    places: Arc<Semaphore>,
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
    place: OwnedSemaphorePermit,
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
        places: Arc::new(Semaphore::new(API_CONNECTIONS)),
    };
    (door, entrances)
}

impl Door {
    /// Opens a connection on behalf of `peer`, who speaks TLS to us or not: all that is known of it is as if it had come to
    /// a listener itself.
    ///
    /// # Errors
    /// No place is free, the workers have stopped, or the system refuses.
    pub async fn open(&self, peer: SocketAddr, tls: bool) -> io::Result<UnixStream> {
        let place = timeout(API_OPEN_TIME, Arc::clone(&self.places).acquire_owned())
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
            .map_err(io::Error::other)?;
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
        UnixStream::from_std(ours)
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
    pub(super) fn arrive(self) -> io::Result<(UnixStream, Connection, OwnedSemaphorePermit)> {
        let stream = UnixStream::from_std(self.stream)?;
        Ok((stream, Connection::new(self.peer, self.tls), self.place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: ([u8; 4], u16) = ([203, 0, 113, 9], 4711);

    #[tokio::test]
    async fn workers_take_turns_and_those_that_stopped_are_passed_over() {
        let (door, mut entrances) = door(3);
        drop(entrances.remove(1));
        for _ in 0..6 {
            door.open(PEER.into(), true).await.unwrap();
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
        let refused = door.open(PEER.into(), true).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::NotConnected);
    }

    // Time stands still and jumps to the next timer whenever nothing else is to be done.
    #[tokio::test(start_paused = true)]
    async fn no_more_connections_than_allowed_are_open_and_an_ended_one_makes_room() {
        let (door, mut entrances) = door(1);
        let mut open = Vec::new();
        for _ in 0..API_CONNECTIONS {
            open.push(door.open(PEER.into(), false).await.unwrap());
        }
        let refused = door.open(PEER.into(), false).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::TimedOut);
        // Letting go of our end is not enough: the worker may still be at it.
        open.clear();
        assert!(door.open(PEER.into(), false).await.is_err());
        drop(entrances[0].next().await);
        assert!(door.open(PEER.into(), false).await.is_ok());
    }
}
