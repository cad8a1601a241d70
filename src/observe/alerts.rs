//! Metrics of alerts and their e-mails; never where the numbers come from.

use prometheus::{Error, IntCounterVec, IntGauge};

use super::metrics::Maker;
use super::names;

/// What is shown of alerts.
#[derive(Debug)]
pub struct AlertMetrics {
    mails: IntCounterVec,
    alerts: IntCounterVec,
    /// Messages that wait or are under way, on all nodes that share the store.
    pub waiting: IntGauge,
}

impl AlertMetrics {
    pub(super) fn new(m: &Maker) -> Result<Self, Error> {
        let all = Self {
            mails: m.counters(
                names::MAILS,
                "Attempts to send e-mails of alerts by what came of them.",
                &["outcome"],
            )?,
            alerts: m.counters(
                names::ALERTS,
                "Messages of alerts that were made by how they are told.",
                &["channel"],
            )?,
            waiting: m.gauge(
                names::MAILS_WAITING,
                "Messages of alerts that wait to be told or are under way.",
            )?,
        };
        // Series that are there from the start can be alerted on.
        for outcome in ["sent", "retry", "failed"] {
            all.mail(outcome, 0);
        }
        for channel in ["mail", "event"] {
            all.alert(channel, 0);
        }
        Ok(all)
    }

    /// Counts e-mails by `sent`, `retry` or `failed`.
    pub fn mail(&self, outcome: &'static str, n: u64) {
        self.mails.with_label_values(&[outcome]).inc_by(n);
    }

    /// How many e-mails had this outcome.
    pub fn mails(&self, outcome: &'static str) -> u64 {
        self.mails.with_label_values(&[outcome]).get()
    }

    /// Counts messages by `mail` or `event`.
    pub fn alert(&self, channel: &'static str, n: u64) {
        self.alerts.with_label_values(&[channel]).inc_by(n);
    }
}
