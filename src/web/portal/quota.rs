//! How much of the quotas is used, each with its window and the instant of its end; never how it is counted.

use maud::{Markup, html};

use super::chart::number::{grouped, share};
use super::chart::when;
use super::ui::{self, Level};
use crate::base::clock::Timestamp;
use crate::limits::{UsedQuota, UsedQuotas};

/// The hour and the month that `now` lies in.
pub(super) fn both(used: &UsedQuotas, now: Timestamp) -> Markup {
    let hour = format!("Hour {}", when::hour_window(now));
    let month = format!("{} (UTC)", when::month(now));
    html! {
        div.quotas {
            (card("This hour", &used.hour, &hour, now))
            (card("This month", &used.month, &month, now))
        }
    }
}

fn card(name: &str, quota: &UsedQuota, window: &str, now: Timestamp) -> Markup {
    let resets = html! { "Resets " (ui::until(quota.resets_at, now)) };
    html! {
        section.card.quota {
            div.quota-head {
                h2 { (name) }
                span.muted { (window) }
            }
            @match quota.limit {
                None => {
                    p.quota-used { strong { (grouped(quota.used.into())) } " requests" }
                    p.quota-foot { "No limit" span.muted { (resets) } }
                },
                Some(limit) => (limited(name, quota.used, limit, &resets)),
            }
        }
    }
}

fn limited(name: &str, used: u64, limit: u64, resets: &Markup) -> Markup {
    let level = Level::of(used, limit);
    let (of, all) = (u128::from(used), u128::from(limit));
    let left = grouped(limit.saturating_sub(used).into());
    html! {
        p.quota-used {
            strong { (grouped(of)) }
            " of " (grouped(all)) " requests"
            span.quota-share.(level.class()) { (share(of, all)) }
        }
        (ui::meter(&format!("{name}: requests used"), used, limit))
        p.quota-foot {
            @match level {
                Level::UsedUp => strong.bad { "Used up. Further requests are rejected." },
                Level::Soon => strong.warn { (left) " left" },
                Level::Plenty => span { (left) " left" },
            }
            span.muted { (resets) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(used: u64, limit: Option<u64>) -> String {
        let quota = |end| UsedQuota {
            used,
            limit,
            resets_at: Timestamp::parse(end).unwrap(),
        };
        let used = UsedQuotas {
            hour: quota("2026-11-27T15:00:00Z"),
            month: quota("2026-12-01T00:00:00Z"),
        };
        let now = Timestamp::parse("2026-11-27T14:09:00Z").unwrap();
        both(&used, now).into_string()
    }

    #[test]
    fn a_quota_says_what_is_used_what_is_left_and_when_it_ends() {
        let text = shown(1_204, Some(10_000));
        for part in [
            "<strong>1,204</strong> of 10,000 requests",
            ">12%<",
            "8,796 left",
            "Hour 14:00–15:00 UTC",
            "November 2026 (UTC)",
            "Resets in 51 minutes (<time datetime=\"2026-11-27T15:00:00Z\"",
            "Resets in 3 days (<time datetime=\"2026-12-01T00:00:00Z\"",
            "aria-label=\"This hour: requests used\"",
            "aria-valuenow=\"1204\"",
            "width=\"12.04%\"",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn the_end_is_told_by_words_too() {
        assert!(shown(7_999, Some(10_000)).contains("meter plenty"));
        assert!(shown(8_000, Some(10_000)).contains("<strong class=\"warn\">2,000 left"));
        assert!(shown(10_000, Some(10_000)).contains("Used up"));
        assert!(shown(12_000, Some(10_000)).contains("width=\"100.00%\""));
        assert!(shown(5, None).contains("No limit"));
    }
}
