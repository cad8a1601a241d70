//! Metrics of the developer portal: its pages and its sessions; never whose they are.

use prometheus::{Error, HistogramVec, IntCounterVec};

use super::metrics::Maker;
use super::names;

/// Bounds of the times of pages, in seconds.
const DURATIONS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
];

/// What is counted of the portal.
#[derive(Debug)]
pub struct PortalMetrics {
    requests: IntCounterVec,
    durations: HistogramVec,
    sessions: IntCounterVec,
}

/// What became of a session, or of a try to open one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionOutcome {
    /// A link was taken.
    Opened,
    /// A link or a cookie was refused.
    Refused,
    /// Somebody signed out.
    Ended,
}

impl SessionOutcome {
    const fn name(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Refused => "refused",
            Self::Ended => "ended",
        }
    }
}

impl PortalMetrics {
    pub(super) fn new(m: &Maker) -> Result<Self, Error> {
        Ok(Self {
            requests: m.counters(
                names::PORTAL_REQUESTS,
                "Requests to the portal, by path template.",
                &["page", "method", "status"],
            )?,
            durations: m.histograms(
                names::PORTAL_DURATION,
                "Time that pages of the portal took.",
                DURATIONS,
                "page",
            )?,
            sessions: m.counters(
                names::PORTAL_SESSIONS,
                "Sessions of the portal, by what became of them.",
                &["outcome"],
            )?,
        })
    }

    /// Counts a request; `page` is a path template.
    pub fn answered(&self, page: &str, method: &str, status: u16, seconds: f64) {
        let status = status.to_string();
        self.requests
            .with_label_values(&[page, method, &status])
            .inc();
        self.durations.with_label_values(&[page]).observe(seconds);
    }

    /// Counts what became of a session.
    pub fn session(&self, outcome: SessionOutcome) {
        self.sessions.with_label_values(&[outcome.name()]).inc();
    }
}
