//! Events and their delivery: rules, conditions, envelopes, signatures, schedule; never a socket, never a store.
//!
//! # What a gateway can know of a transition, and what it cannot
//! A rule sees one exchange: the request, the answer, the route, the account. It does not see what the resource was
//! before. "The deal became won" is a transition, and an answer that says `"stage": "won"` is the same for the change
//! that won the deal and for every later edit of a won deal. What helps, best first:
//! 1. An answer that tells the transition itself. The sample CRM sets `closed_at` with the change that closes a deal
//!    and never again, so `response.body.closed_at == response.body.updated_at` holds in that one answer only.
//! 2. A call of its own, such as `POST /v1/deals/{id}/win`: the rule watches that route.
//! 3. The request's intent: `request.body.stage == 'won' && response.body.stage == 'won'` leaves out edits that do not
//!    touch the stage; a client that sends the whole deal again still fires it.
//!
//! What never crosses the gateway (somebody wins a deal in the CRM's own pages, a nightly job) makes no event by any
//! rule: there the backend publishes it (`POST /admin/v1/events`), with an id of its own so that repeating is harmless.
//! A type that is only published is declared by a rule all the same, since those are the types one can subscribe to:
//! a rule on a method that only reads never fires.
//! An answer that is lost (a crash, a body over the ceiling) leaves a condition without its answer: the event is kept as
//! `unresolved` and released by hand or not at all. Requests without one of our keys have no account and make no events.
//!
//! # The window that remains
//! An event is recorded before its answer's header goes to the client, so that nobody has seen a 2xx without its event.
//! Between the moment at which the upstream has done its work and that record there is a time (the answer's way to the
//! gateway, and a write to the store) in which a process that dies, or a machine, leaves a change without an event. The
//! client then has no answer either: one that repeats the request, with its Idempotency-Key where the backend heeds
//! it, gets the answer and the event. Nothing at the edge can close this window; a backend that must not lose a single
//! change publishes it from its own transaction. The same holds where the record fails in that time: the upstream has
//! done it, and the client is told 503 `store_unavailable`.
//!
//! # What is one event, and what receivers get of it
//! Ids are derived ([`identity`]): a request that is repeated with its Idempotency-Key makes no second event where the
//! whole request and the resource's id are equal too. `data` is the response's JSON byte for byte, or what the rule's
//! [`shape`] makes of the exchange, with members sorted, so that it is the same bytes from any node.

pub mod condition;
pub mod counters;
pub mod delivery;
pub mod envelope;
mod expression;
mod expression_bounds;
pub mod facts;
pub mod feed;
pub mod health;
pub mod identity;
mod input;
pub mod model;
pub mod notice;
pub mod operational;
pub mod pipeline;
pub mod places;
pub mod port;
pub mod replayer;
pub mod rules;
pub mod schedule;
pub mod seal;
pub mod service;
pub mod settings;
pub mod settlement;
pub mod settler;
pub mod shape;
pub mod share;
pub mod sign;
pub mod simulator;
pub mod sweeper;
#[cfg(test)]
pub(crate) mod testing;
pub mod types;
pub mod verify;
pub mod view;
