//! Ranges of time, `[from, to)`, as usage is asked for; and how many rows an answer has.

use std::time::Duration;

use serde::Serialize;

use crate::base::clock::Timestamp;
use crate::base::page::{DEFAULT_LIMIT, MAX_LIMIT};
use crate::usage::model::Granularity;
use crate::web::admin::respond::ApiError;

/// Rows that are answered together, without further pages.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Rows<T> {
    /// The rows.
    pub(super) data: Vec<T>,
    /// Always null: there is one page.
    #[schema(value_type = Option<String>)]
    pub(super) next_cursor: (),
}

impl<T> Rows<T> {
    /// The only page.
    pub(super) const fn new(data: Vec<T>) -> Self {
        Self {
            data,
            next_cursor: (),
        }
    }
}

/// The range that is asked for: without an end until `now`, without a beginning as long as `usual`.
pub(super) fn range(
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    now: Timestamp,
    usual: Duration,
) -> Result<(Timestamp, Timestamp), ApiError> {
    // The instant itself belongs to the range where nobody said where it ends.
    let to = to.unwrap_or_else(|| now.plus(Duration::from_millis(1)));
    let from = from.unwrap_or_else(|| to.minus(usual));
    if from < to {
        Ok((from, to))
    } else {
        Err(ApiError::field("from", "expected an instant before `to`"))
    }
}

/// A range widened to the whole hours that it touches, as a series is: calls are counted by the hour, and what came in
/// half of one cannot be told.
pub(super) fn whole_hours((from, to): (Timestamp, Timestamp)) -> (Timestamp, Timestamp) {
    let hour = Granularity::Hour;
    let is_aligned = hour.start(to) == to;
    let to = if is_aligned { to } else { hour.next(to) };
    (hour.start(from), to)
}

/// The number of rows that is asked for.
pub(super) fn rows(limit: Option<u32>) -> Result<u32, ApiError> {
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    if (1..=MAX_LIMIT).contains(&limit) {
        Ok(limit)
    } else {
        let message = format!("expected 1 to {MAX_LIMIT}");
        Err(ApiError::field("limit", message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_ends_after_it_begins() {
        let now = Timestamp::from_secs(1_000_000);
        let day = Duration::from_secs(86_400);
        let (from, to) = range(None, None, now, day).unwrap();
        assert!(to > now && to.since(from) == day);
        assert!(range(Some(now), Some(now), now, day).is_err());
        assert!(range(Some(now.plus(day)), None, now, day).is_err());
    }

    #[test]
    fn a_range_takes_in_the_hours_it_touches() {
        let hour = Timestamp::from_secs(1_800_000_000).hour_start();
        let at = |minute: u64| hour.plus(Duration::from_secs(60 * minute));
        assert_eq!(whole_hours((at(10), at(20))), (at(0), at(60)));
        assert_eq!(whole_hours((at(50), at(61))), (at(0), at(120)));
        assert_eq!(whole_hours((at(60), at(120))), (at(60), at(120)));
    }
}
