//! How long a client may be silent before a request and how long its header may take, with as few timers as can be; never a byte.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep, sleep_until};

use crate::base::ceilings::HEADER_TIME;

/// The waiting of one connection for headers.
#[derive(Default)]
pub(super) struct Waiting {
    phase: u32,
    // Runs only while a header has come in part: a header that comes in one piece costs no timer.
    header_timer: Option<Pin<Box<Sleep>>>,
    header_begun: bool,
    silent_since: Option<Instant>,
    // Set once and not touched again until it ends, although requests come meanwhile: then it is set to what is left.
    silence: Option<Silence>,
}

struct Silence {
    timer: Pin<Box<Sleep>>,
    /// Whom it wakes.
    waker: Waker,
}

fn late() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the header did not arrive in time")
}

impl Waiting {
    /// The connection is at `phase`: what was waited for in another is over.
    pub(super) fn entered(&mut self, phase: u32) {
        if self.phase != phase {
            self.phase = phase;
            self.header_begun = false;
            self.header_timer = None;
            self.silent_since = None;
        }
    }

    /// The first bytes of a header, or further ones, have come.
    pub(super) fn header_began(&mut self) {
        self.header_begun = true;
        self.silent_since = None;
    }

    /// Looks whether the header that is coming is late. Its timer was set by a read that found nothing; dripping bytes do
    /// not stop it.
    ///
    /// # Errors
    /// It is.
    pub(super) fn check_header(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let timer = self.header_timer.as_mut();
        match timer.map(|t| t.as_mut().poll(cx)) {
            Some(Poll::Ready(())) => Err(late()),
            _ => Ok(()),
        }
    }

    /// Nothing is to be read: wakes the task when the time for the header is over, which is an error, or that for silence,
    /// which reads as the end.
    pub(super) fn poll(&mut self, most: Duration, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.header_begun {
            let timer = self
                .header_timer
                .get_or_insert_with(|| Box::pin(sleep(HEADER_TIME)));
            return timer.as_mut().poll(cx).map(|()| Err(late()));
        }
        let since = *self.silent_since.get_or_insert_with(Instant::now);
        let silence = self.silence.get_or_insert_with(|| Silence {
            timer: Box::pin(sleep_until(since + most)),
            waker: Waker::noop().clone(),
        });
        if !silence.timer.is_elapsed() && silence.waker.will_wake(cx.waker()) {
            return Poll::Pending;
        }
        if silence.timer.is_elapsed() && Instant::now() < since + most {
            silence.timer.as_mut().reset(since + most);
        }
        silence.waker.clone_from(cx.waker());
        silence.timer.as_mut().poll(cx).map(Ok)
    }
}
