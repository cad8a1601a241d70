//! Metrics, the access log and traces; never a decision.
