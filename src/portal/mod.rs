//! Sessions of the developer portal: who may see an account's pages, by which link and cookie, and for how long; never a page.

pub mod csrf;
pub mod model;
pub mod port;
pub mod service;
pub mod token;
