//! What a usage page is asked for: how far back, told apart by what, of which key; never what the store has.

use std::time::Duration;

use crate::base::clock::{DAY_MS, HOUR_MS, Timestamp};
use crate::base::error::FieldError;
use crate::base::ids;
use crate::usage::model::Granularity;
use crate::web::portal::own::Span;

/// How far back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Range {
    /// 24 hours.
    Day,
    /// 7 days, by the hour.
    Week,
    /// 30 days.
    Month,
    /// 12 months.
    Year,
}

impl Range {
    /// All of them, the shortest first.
    pub(super) const ALL: [Self; 4] = [Self::Day, Self::Week, Self::Month, Self::Year];

    /// What it is called in a query.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
            Self::Year => "12m",
        }
    }

    /// What it is called on a page.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Day => "24 hours",
            Self::Week => "7 days",
            Self::Month => "30 days",
            Self::Year => "12 months",
        }
    }

    /// Width of its points.
    pub(super) const fn granularity(self) -> Granularity {
        match self {
            Self::Day | Self::Week => Granularity::Hour,
            Self::Month => Granularity::Day,
            Self::Year => Granularity::Month,
        }
    }

    /// Whole hours, days or months, the last of them the one that `now` lies in.
    pub(super) fn bounds(self, now: Timestamp) -> (Timestamp, Timestamp) {
        let granularity = self.granularity();
        let last = granularity.start(now);
        let from = match self {
            Self::Day => back(last, 23 * HOUR_MS),
            Self::Week => back(last, 167 * HOUR_MS),
            Self::Month => back(last, 29 * DAY_MS),
            // The instant before a month's beginning lies in the month before.
            Self::Year => (0..11).fold(last, |month, _| back(month, 1).month_start()),
        };
        (from, granularity.next(now))
    }
}

fn back(t: Timestamp, ms: i64) -> Timestamp {
    t.minus(Duration::from_millis(ms.unsigned_abs()))
}

/// What requests are told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// Class of status.
    Status,
    /// Key.
    Key,
}

impl By {
    /// Both.
    pub(super) const ALL: [Self; 2] = [Self::Status, Self::Key];

    /// What it is called in a query.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Key => "key",
        }
    }

    /// What it is called on a page.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Status => "By status",
            Self::Key => "By key",
        }
    }
}

/// What a page or a file shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    /// How far back.
    pub(super) range: Range,
    /// Told apart by what.
    pub(super) by: By,
    /// Only this key.
    pub(super) key: Option<String>,
}

impl Wanted {
    /// Reads a query. What is not said is the last 24 hours of all keys by status; other parameters are not ours.
    ///
    /// # Errors
    /// Each parameter that is not one of the words, or that is there twice.
    pub(super) fn read(query: &[(String, String)]) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut one = |name: &str| {
            let mut values = query.iter().filter(|(n, _)| n == name);
            let value = values.next().map_or("", |(_, value)| value.as_str());
            if values.next().is_some() {
                errors.push(FieldError::new(name, "expected it once"));
            }
            value
        };
        let (range, by, key) = (one("range"), one("by"), one("key"));
        let range = match range {
            "" => Some(Range::Day),
            word => Range::ALL.into_iter().find(|r| r.word() == word),
        };
        let by = match by {
            "" => Some(By::Status),
            word => By::ALL.into_iter().find(|b| b.word() == word),
        };
        if range.is_none() {
            errors.push(FieldError::new("range", "expected 24h, 7d, 30d or 12m"));
        }
        if by.is_none() {
            errors.push(FieldError::new("by", "expected status or key"));
        }
        if !key.is_empty() && !ids::is_valid("key_", key) {
            errors.push(FieldError::new("key", "expected the id of a key"));
        }
        match (range, by) {
            (Some(range), Some(by)) if errors.is_empty() => Ok(Self {
                range,
                by,
                key: (!key.is_empty()).then(|| key.to_owned()),
            }),
            _ => Err(errors),
        }
    }

    /// The same with another range.
    pub(super) fn with_range(&self, range: Range) -> Self {
        Self {
            range,
            ..self.clone()
        }
    }

    /// The same told apart otherwise.
    pub(super) fn with_by(&self, by: By) -> Self {
        Self { by, ..self.clone() }
    }

    /// The address of a page or file that shows it. No value needs escaping.
    pub(super) fn link(&self, path: &str) -> String {
        let (range, by) = (self.range.word(), self.by.word());
        let key = self.key.as_ref().map(|id| format!("&key={id}"));
        format!("{path}?range={range}&by={by}{}", key.unwrap_or_default())
    }

    /// The range as it is at an instant.
    pub(super) fn span(&self, now: Timestamp) -> Span {
        let (from, to) = self.range.bounds(now);
        Span {
            from,
            to,
            granularity: self.range.granularity(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usage::port::SeriesQuery;
    use crate::usage::series;

    fn read(query: &str) -> Result<Wanted, Vec<FieldError>> {
        let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        Wanted::read(&pairs)
    }

    #[test]
    fn a_range_ends_with_the_point_that_now_lies_in() {
        let now = Timestamp::parse("2026-03-01T00:30:00Z").unwrap();
        let cases = [
            (
                Range::Day,
                "2026-02-28T01:00:00Z",
                "2026-03-01T01:00:00Z",
                24,
            ),
            (
                Range::Week,
                "2026-02-22T01:00:00Z",
                "2026-03-01T01:00:00Z",
                168,
            ),
            (
                Range::Month,
                "2026-01-31T00:00:00Z",
                "2026-03-02T00:00:00Z",
                30,
            ),
            (
                Range::Year,
                "2025-04-01T00:00:00Z",
                "2026-04-01T00:00:00Z",
                12,
            ),
        ];
        for (range, from, to, points) in cases {
            let wanted = Wanted {
                range,
                by: By::Status,
                key: None,
            };
            let span = wanted.span(now);
            assert_eq!(span.from.to_string(), from);
            assert_eq!(span.to.to_string(), to);
            let query = SeriesQuery {
                account_id: None,
                key_id: None,
                from: span.from,
                to: span.to,
                granularity: span.granularity,
            };
            let query = series::check(query).unwrap();
            assert_eq!((query.from, query.to), (span.from, span.to));
            assert_eq!(series::fill(&query, Vec::new()).len(), points);
        }
    }

    #[test]
    fn what_is_not_said_is_the_last_day_of_all_keys_by_status() {
        let wanted = read("").unwrap();
        assert_eq!((wanted.range, wanted.by), (Range::Day, By::Status));
        assert_eq!(read("range=&by=&key=&csrf=x").unwrap(), wanted);
    }

    #[test]
    fn a_link_is_read_as_what_it_was_made_of() {
        for range in Range::ALL {
            for by in By::ALL {
                for key in [None, Some(ids::new("key_"))] {
                    let wanted = Wanted { range, by, key };
                    let link = wanted.link("/usage");
                    assert_eq!(read(link.strip_prefix("/usage?").unwrap()), Ok(wanted));
                }
            }
        }
    }

    #[test]
    fn words_of_no_meaning_are_refused_by_name() {
        let fields = |query| {
            let errors = read(query).unwrap_err();
            errors.into_iter().map(|e| e.field).collect::<Vec<_>>()
        };
        assert_eq!(fields("range=1y"), ["range"]);
        assert_eq!(fields("by=route&range=day"), ["range", "by"]);
        assert_eq!(fields("key=key_1"), ["key"]);
        assert_eq!(fields("range=24h&range=7d"), ["range"]);
    }
}
