//! The request path on Pingora; never a store, never the admin API.
