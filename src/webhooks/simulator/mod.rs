//! The simulator: webhooks to try a receiver with, rules to try an exchange with, inboxes to catch deliveries; never a delivery of an event that happened.
//!
//! Nothing here decides a second time what is decided elsewhere, or it would be right only until that changes: [`compose`]
//! makes bodies and signatures by what deliveries are made with, [`dry_run`] asks the rules as the pipeline asks them, and
//! what is sent goes through the transport of deliveries, with its rules for where it may go.
//!
//! An inbox ([`inbox`], [`catch`]) is an address under `portal.public_url` that whoever knows it can post to. It keeps what
//! came, and whether that verified when it came: with the inbox's own secret, or with that of a webhook of the account
//! which has the inbox's address. It lives a day at most, so that it is not moved when a store is copied into another.
//! Deliveries to it take a short way ([`own`]).

pub mod catch;
pub mod compose;
pub mod describe;
pub mod dry_run;
pub mod examples;
pub mod faults;
pub mod inbox;
pub mod inboxes;
pub mod own;
pub mod places;
pub mod service;
pub mod wanted;
