//! What leaves the gateway on its own account: webhook requests and their name resolution; never a decision about an event.
