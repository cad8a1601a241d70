//! The sample CRM: a backend to try the gateway with; never a part of the gateway.
