//! How much of a limit is used, as a bar, and how near its end that is; never how much it was.

use maud::{Markup, html};

use super::value::number;

/// Per cent of a limit from which a reader should look up.
const SOON_PERCENT: u128 = 80;

/// How near the end of a limit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// There is enough left.
    Plenty,
    /// Little is left.
    Soon,
    /// Nothing is left.
    UsedUp,
}

impl Level {
    /// That of `used` of `limit`.
    pub fn of(used: u64, limit: u64) -> Self {
        if used >= limit {
            Self::UsedUp
        } else if u128::from(used) * 100 >= u128::from(limit) * SOON_PERCENT {
            Self::Soon
        } else {
            Self::Plenty
        }
    }

    /// The class of its colour.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Plenty => "plenty",
            Self::Soon => "warn",
            Self::UsedUp => "bad",
        }
    }
}

/// A bar of `used` of `limit`. `label` is its name for those who cannot see it.
pub fn meter(label: &str, used: u64, limit: u64) -> Markup {
    // A bar is not longer than its frame, however far a change of plan left the limit behind.
    let shown = used.min(limit);
    html! {
        div.meter.(Level::of(used, limit).class()) role="meter" aria-label=(label)
            aria-valuemin="0" aria-valuemax=(limit) aria-valuenow=(shown)
            aria-valuetext={ (number(used)) " of " (number(limit)) } {
            svg width="100%" height="8" aria-hidden="true" focusable="false" {
                rect.track width="100%" height="8" {}
                rect.fill width=(width(shown, limit)) height="8" {}
            }
        }
    }
}

/// Width of the bar: never nothing where something was used.
fn width(used: u64, limit: u64) -> String {
    let (used, limit) = (u128::from(used), u128::from(limit));
    let hundredths = (used * 10_000).checked_div(limit).unwrap_or(10_000);
    let hundredths = hundredths.max(u128::from(used > 0) * 50).min(10_000);
    format!("{}.{:02}%", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_level_follows_what_is_used_without_rounding() {
        for (used, limit, wanted) in [
            (0, 10, Level::Plenty),
            (7_999, 10_000, Level::Plenty),
            (8_000, 10_000, Level::Soon),
            (9_999, 10_000, Level::Soon),
            (10, 10, Level::UsedUp),
            (0, 0, Level::UsedUp),
            (5, 2, Level::UsedUp),
            (u64::MAX - 1, u64::MAX, Level::Soon),
        ] {
            assert_eq!(Level::of(used, limit), wanted, "{used} of {limit}");
        }
    }

    #[test]
    fn a_bar_says_its_numbers_and_stays_within_its_frame() {
        let text = meter("This hour", 12_000, 10_000).into_string();
        for part in [
            "class=\"meter bad\"",
            "aria-valuenow=\"10000\"",
            "aria-valuetext=\"12,000 of 10,000\"",
            "width=\"100.00%\"",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert_eq!(width(0, 0), "100.00%");
        assert_eq!(width(0, 10), "0.00%");
        assert_eq!(width(1, u64::MAX), "0.50%");
        assert_eq!(width(u64::MAX, u64::MAX), "100.00%");
    }
}
