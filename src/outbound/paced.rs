//! A request body that is sent in pieces with pauses between them; never what a body says.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep};

use crate::webhooks::model::Pace;

/// What is left of a body, and when the next piece of it goes.
pub(super) struct Paced {
    rest: Bytes,
    piece: usize,
    pause: Duration,
    next: Pin<Box<Sleep>>,
}

impl Paced {
    /// A body that is sent at this pace: the first piece at once, the last at the end of its time.
    pub(super) fn new(body: Bytes, pace: Pace) -> Self {
        let pieces = usize::try_from(pace.pieces.max(1)).unwrap_or(usize::MAX);
        let piece = body.len().div_ceil(pieces).max(1);
        let pauses = body.len().div_ceil(piece).saturating_sub(1).max(1);
        Self {
            rest: body,
            piece,
            pause: pace.time / u32::try_from(pauses).unwrap_or(u32::MAX),
            next: Box::pin(sleep(Duration::ZERO)),
        }
    }
}

impl Body for Paced {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        ready!(self.next.as_mut().poll(cx));
        let end = self.piece.min(self.rest.len());
        let piece = self.rest.split_to(end);
        let at = Instant::now() + self.pause;
        self.next.as_mut().reset(at);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(u64::try_from(self.rest.len()).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    async fn sent(length: usize, pieces: u32) -> (Vec<usize>, Duration) {
        let time = Duration::from_secs(5);
        let began = Instant::now();
        let mut body = Paced::new(vec![b'x'; length].into(), Pace { pieces, time });
        assert_eq!(body.size_hint().exact(), Some(length as u64));
        let mut sizes = Vec::new();
        while let Some(frame) = body.frame().await {
            sizes.push(frame.unwrap().into_data().unwrap().len());
        }
        (sizes, began.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_takes_its_time_in_as_many_pieces_as_it_has_room_for() {
        let (sizes, took) = sent(100, 20).await;
        assert_eq!(sizes, [5; 20]);
        assert!(took.as_millis().abs_diff(5_000) < 50, "{took:?}");
        let (sizes, _) = sent(3, 20).await;
        assert_eq!(sizes, [1; 3]);
        let (sizes, took) = sent(7, 1).await;
        assert_eq!(sizes, [7]);
        assert!(took < Duration::from_millis(50));
        assert_eq!(sent(0, 20).await.0, [0_usize; 0]);
    }
}
