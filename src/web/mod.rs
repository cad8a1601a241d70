//! HTTP interfaces for operators and people: the admin API, health and metrics; never the request path, never a store.
