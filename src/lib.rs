//! fuelgate is an edge API gateway on Pingora; this page is its architecture and holds no code.

pub mod accounts;
pub mod app;
pub mod base;
pub mod cli;
pub mod config;
pub mod keys;
pub mod limits;
pub mod observe;
pub mod outbound;
pub mod proxy;
pub mod routing;
pub mod sample;
pub mod store;
pub mod usage;
pub mod web;
pub mod webhooks;
