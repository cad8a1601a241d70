//! Routing: which route a method, host and path belong to; never what the route allows.
