//! What an account asks to be told of, and the messages that tell it; never who measures usage, never a wire.
//!
//! An account names marks: per cent of the hour's and the month's quota, days before a key expires. [`decide`] says which
//! of them are reached. What is to be told then becomes messages, one for each address and one for the account's own
//! webhooks, whose ids are derived from what they tell ([`model::Mail::new`]): whichever node writes one, and however
//! often, it is there once, and stays as the mark that it was made until nothing could make it again. [`worker`] takes
//! them out, on any node, and sends.

pub mod decide;
pub mod input;
pub mod known;
pub mod model;
pub mod port;
pub mod schedule;
pub mod service;
#[cfg(test)]
pub(crate) mod testing;
pub mod text;
pub mod worker;
