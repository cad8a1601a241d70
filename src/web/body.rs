//! Reads a whole body within a ceiling of bytes and one of time; never what it means.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time::timeout;

use crate::base::ceilings::BODY_READ_TIME;

/// Why there is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyError {
    /// It is longer than the ceiling.
    TooLarge,
    /// It ended before it was complete, or is no body of HTTP.
    BrokenOff,
    /// It was not complete in time.
    Slow,
}

/// Reads a body of `most` bytes at most, for no longer than [`BODY_READ_TIME`].
///
/// # Errors
/// It is longer, breaks off or takes longer.
pub(super) async fn read(body: Body, most: usize) -> Result<Bytes, BodyError> {
    read_within(body, most, BODY_READ_TIME).await
}

async fn read_within(body: Body, most: usize, time: Duration) -> Result<Bytes, BodyError> {
    match timeout(time, Limited::new(body, most).collect()).await {
        Ok(Ok(read)) => Ok(read.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(BodyError::TooLarge),
        Ok(Err(_)) => Err(BodyError::BrokenOff),
        Err(_) => Err(BodyError::Slow),
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt, stream};

    use super::*;

    #[tokio::test]
    async fn a_body_is_read_up_to_its_ceiling() {
        for (length, most, is_read) in [(0, 0, true), (8, 8, true), (9, 8, false)] {
            let body = Body::from(vec![b'x'; length]);
            let read = read(body, most).await.map(|b| b.len());
            let wanted = if is_read {
                Ok(length)
            } else {
                Err(BodyError::TooLarge)
            };
            assert_eq!(read, wanted);
        }
    }

    #[tokio::test]
    async fn pieces_count_together() {
        let pieces = || stream::iter([Ok::<_, std::io::Error>("1234"), Ok("5678")]);
        assert_eq!(
            read(Body::from_stream(pieces()), 8).await.unwrap(),
            "12345678"
        );
        let over = read(Body::from_stream(pieces()), 7).await;
        assert_eq!(over, Err(BodyError::TooLarge));
    }

    #[tokio::test]
    async fn what_breaks_off_or_stands_still_is_no_body() {
        let broken = stream::iter([Ok("12"), Err(std::io::Error::other("reset"))]);
        let read = read(Body::from_stream(broken), 8).await;
        assert_eq!(read, Err(BodyError::BrokenOff));
        let slow = stream::iter([Ok::<_, std::io::Error>("12")]).chain(stream::pending());
        let read = read_within(Body::from_stream(slow), 8, Duration::from_millis(10)).await;
        assert_eq!(read, Err(BodyError::Slow));
    }
}
