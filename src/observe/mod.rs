//! Metrics, the access log and traces; never a decision.

pub mod access_log;
mod alerts;
mod delivery;
pub mod diagnostics;
mod json;
mod lines;
mod metrics;
pub mod names;
mod pace;
mod portal;
mod route;
mod shared;
mod sink;
mod upstream;

pub use access_log::{AccessLine, AccessLog};
pub use alerts::AlertMetrics;
pub use delivery::DeliveryMetrics;
pub use metrics::Metrics;
pub use pace::Pace;
pub use portal::{PortalMetrics, SessionOutcome};
pub use route::RouteMetrics;
pub use shared::SharedMetrics;
pub use upstream::{TargetMetrics, UpstreamOutcome};
