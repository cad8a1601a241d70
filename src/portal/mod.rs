//! Who is signed in to the portal and what they may do there; never a page.

pub mod model;
pub mod port;
