//! Lines on their way to a sink: bounded, batched, written by a thread of their own; whoever adds a line never waits for the sink.
//!
//! Lines are put together in one of a few buffers, and only whole buffers change hands. A hand-over per line would wake the
//! writer for each request, which costs more than the line.

use std::cell::Cell;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::Thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use prometheus::IntCounter;

use super::sink::Sink;

/// Buffers that threads share out among themselves.
const SHARDS: usize = 8;
/// Bytes at which a buffer is handed over before its time. Waking the writer costs as much as tens of lines.
const BATCH_BYTES: usize = 131_072;
/// Bytes of a buffer that is kept to be filled again; one that a long line has made larger is let go.
const KEPT_BYTES: usize = 2 * BATCH_BYTES;
/// Buffers that are kept.
const SPARES: usize = 2 * SHARDS;
/// How long a line waits in a buffer at most.
const TICK: Duration = Duration::from_millis(100);

/// A queue of lines and its writer thread. Dropping it writes what is left without waiting for it.
#[derive(Debug)]
pub(super) struct Lines {
    shared: Arc<Shared>,
    writer: Thread,
}

#[derive(Debug)]
struct Shared {
    shards: [Mutex<Batch>; SHARDS],
    ready: Mutex<Vec<Batch>>,
    /// Empty buffers to fill again: a new one would grow, and its pages come from the kernel, each time.
    spare: Mutex<Vec<Vec<u8>>>,
    /// Lines and bytes that were added and are neither written nor lost.
    lines: AtomicUsize,
    bytes: AtomicUsize,
    max_lines: usize,
    max_bytes: usize,
    dropped: IntCounter,
    closing: AtomicBool,
}

#[derive(Debug, Default)]
struct Batch {
    bytes: Vec<u8>,
    lines: usize,
}

impl Lines {
    /// Starts a queue before `sink` that holds at most so many lines and, but for the lines being added, bytes. Lines
    /// that find it full, or that the sink fails to take, are lost and counted in `dropped`.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub(super) fn start(
        sink: Sink,
        max_lines: usize,
        max_bytes: usize,
        dropped: IntCounter,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            shards: Default::default(),
            ready: Mutex::default(),
            spare: Mutex::default(),
            lines: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            max_lines,
            max_bytes,
            dropped,
            closing: AtomicBool::new(false),
        });
        let of_writer = Arc::clone(&shared);
        let writer = std::thread::Builder::new()
            .name("log".into())
            .spawn(move || of_writer.write_to(sink))?
            .thread()
            .clone();
        Ok(Self { shared, writer })
    }

    /// Adds the line that `write` writes, without its end. It is on its way within a tick.
    pub(super) fn add(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let s = &self.shared;
        let full = s.lines.fetch_add(1, Ordering::Relaxed) >= s.max_lines
            || s.bytes.load(Ordering::Relaxed) >= s.max_bytes;
        if full {
            s.lines.fetch_sub(1, Ordering::Relaxed);
            s.dropped.inc();
            return;
        }
        let mut batch = s.shards[shard()].lock();
        let before = batch.bytes.len();
        write(&mut batch.bytes);
        batch.bytes.push(b'\n');
        batch.lines += 1;
        s.bytes
            .fetch_add(batch.bytes.len() - before, Ordering::Relaxed);
        if batch.bytes.len() >= BATCH_BYTES {
            let whole = std::mem::replace(&mut *batch, s.empty());
            drop(batch);
            s.ready.lock().push(whole);
            self.wake();
        }
    }

    /// Has the writer write now what there is.
    pub(super) fn wake(&self) {
        self.writer.unpark();
    }

    /// Waits until everything is written, at most so long; whether it is.
    pub(super) fn flush(&self, at_most: Duration) -> bool {
        let deadline = Instant::now() + at_most;
        while self.shared.lines.load(Ordering::Acquire) > 0 {
            if Instant::now() >= deadline {
                return false;
            }
            self.wake();
            std::thread::sleep(Duration::from_millis(1));
        }
        true
    }

    /// Lines that wait.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> (usize, usize) {
        let s = &self.shared;
        (
            s.lines.load(Ordering::SeqCst),
            s.bytes.load(Ordering::SeqCst),
        )
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::Release);
        self.wake();
    }
}

impl Shared {
    fn write_to(&self, mut sink: Sink) {
        let mut torn = false;
        loop {
            let closing = self.closing.load(Ordering::Acquire);
            sink.check();
            for batch in self.collect() {
                torn = self.write(&mut sink, &batch, torn);
                self.keep(batch.bytes);
            }
            if closing {
                return;
            }
            std::thread::park_timeout(TICK);
        }
    }

    fn empty(&self) -> Batch {
        let spare = self.spare.lock().pop();
        Batch {
            bytes: spare.unwrap_or_else(|| Vec::with_capacity(KEPT_BYTES)),
            lines: 0,
        }
    }

    fn keep(&self, mut bytes: Vec<u8>) {
        let mut spare = self.spare.lock();
        if bytes.capacity() <= KEPT_BYTES && spare.len() < SPARES {
            bytes.clear();
            spare.push(bytes);
        }
    }

    fn collect(&self) -> Vec<Batch> {
        let mut all = std::mem::take(&mut *self.ready.lock());
        for shard in &self.shards {
            let mut shard = shard.lock();
            if shard.lines > 0 {
                all.push(std::mem::replace(&mut *shard, self.empty()));
            }
        }
        all
    }

    /// Writes a batch; whether the sink's last line may be torn, so that the next batch must begin a new one.
    fn write(&self, sink: &mut Sink, batch: &Batch, torn: bool) -> bool {
        let mended = if torn { sink.write(b"\n") } else { Ok(()) };
        let written = mended.and_then(|()| sink.write(&batch.bytes));
        if written.is_err() {
            self.dropped.inc_by(batch.lines as u64);
        }
        self.bytes.fetch_sub(batch.bytes.len(), Ordering::Relaxed);
        self.lines.fetch_sub(batch.lines, Ordering::Release);
        written.is_err()
    }
}

/// The buffer of this thread.
fn shard() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static OWN: Cell<Option<usize>> = const { Cell::new(None) };
    }
    OWN.with(|own| {
        let n = own
            .get()
            .unwrap_or_else(|| NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS);
        own.set(Some(n));
        n
    })
}

#[cfg(test)]
mod tests;
