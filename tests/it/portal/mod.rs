//! The developer portal over the binary: pages by plain HTTP and in a real browser, on both stores.

mod house;
mod keys;
mod sign_in;
mod walk;
