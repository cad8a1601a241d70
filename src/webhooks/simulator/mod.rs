//! The simulator: webhooks to try a receiver with, rules to try an exchange with; never a delivery of an event that happened.

pub mod compose;
pub mod dry_run;
pub mod examples;
pub mod faults;
pub mod inbox;
