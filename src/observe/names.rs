//! Names of all metrics; what each counts is said where it is made.

/// Requests answered, by route, method and status.
pub const REQUESTS: &str = "fuelgate_requests_total";
/// Time from a request's header to the end of its response.
pub const REQUEST_DURATION: &str = "fuelgate_request_duration_seconds";
/// Requests that are being served.
pub const REQUESTS_IN_FLIGHT: &str = "fuelgate_requests_in_flight";
/// Time in the gateway, upstream excluded.
pub const OVERHEAD: &str = "fuelgate_overhead_seconds";
/// Requests refused for their credentials.
pub const AUTH_FAILURES: &str = "fuelgate_auth_failures_total";
/// Requests refused by a limit.
pub const LIMITED: &str = "fuelgate_limited_total";
/// Requests sent upstream, by account and key.
pub const USAGE_REQUESTS: &str = "fuelgate_usage_requests_total";
/// Usage batches given to the store.
pub const USAGE_FLUSHES: &str = "fuelgate_usage_flushes_total";
/// Look-ups in the key cache.
pub const KEY_CACHE_LOOKUPS: &str = "fuelgate_key_cache_lookups_total";
/// Keys in the cache.
pub const KEY_CACHE_ENTRIES: &str = "fuelgate_key_cache_entries";
/// Keys that had to leave the cache for others.
pub const KEY_CACHE_EVICTIONS: &str = "fuelgate_key_cache_evictions_total";
/// Store operations' time.
pub const STORE_DURATION: &str = "fuelgate_store_operation_duration_seconds";
/// Store operations that failed, by kind.
pub const STORE_ERRORS: &str = "fuelgate_store_errors_total";
/// Writes that wait for the store.
pub const STORE_QUEUE_DEPTH: &str = "fuelgate_store_queue_depth";
/// Whether the store can be used.
pub const STORE_UP: &str = "fuelgate_store_up";
/// Servers of a shared store.
pub const STORE_SERVERS: &str = "fuelgate_store_servers";
/// Those that are known not to answer.
pub const STORE_BREAKERS_OPEN: &str = "fuelgate_store_breakers_open";
/// Connections to servers of a shared store.
pub const STORE_CONNECTS: &str = "fuelgate_store_connects_total";
/// Calls that a cluster sent to another server.
pub const STORE_REDIRECTS: &str = "fuelgate_store_redirects_total";
/// Gaps in what is heard of other nodes' changes.
pub const STORE_MESSAGES_LOST: &str = "fuelgate_store_messages_lost_total";
/// Calls for leases of tokens.
pub const LIMITER_LEASE_CALLS: &str = "fuelgate_limiter_lease_calls_total";
/// Nodes that share the limits.
pub const LIMITER_NODES: &str = "fuelgate_limiter_nodes";
/// What waits in the spool.
pub const SPOOL_ENTRIES: &str = "fuelgate_spool_entries";
/// Age of the oldest of it.
pub const SPOOL_OLDEST: &str = "fuelgate_spool_oldest_seconds";
/// Whether limits are enforced without the store.
pub const LIMITER_DEGRADED: &str = "fuelgate_limiter_degraded";
/// Keys and accounts whose limits are in memory.
pub const LIMITER_ENTRIES: &str = "fuelgate_limiter_entries";
/// Size of the local spool.
pub const SPOOL_BYTES: &str = "fuelgate_spool_bytes";
/// Webhook attempts.
pub const WEBHOOK_DELIVERIES: &str = "fuelgate_webhook_deliveries_total";
/// Time of webhook attempts.
pub const WEBHOOK_DURATION: &str = "fuelgate_webhook_attempt_duration_seconds";
/// How late webhook attempts begin.
pub const WEBHOOK_DELAY: &str = "fuelgate_webhook_delay_seconds";
/// Times that webhooks were held off.
pub const WEBHOOK_HOLDS: &str = "fuelgate_webhook_holds_total";
/// Webhooks that were disabled because of their receivers.
pub const WEBHOOKS_DISABLED: &str = "fuelgate_webhooks_disabled_total";
/// Webhook attempts that could not begin in time.
pub const WEBHOOK_LATE: &str = "fuelgate_webhook_late_total";
/// Deliveries that are not finished.
pub const WEBHOOK_QUEUE_DEPTH: &str = "fuelgate_webhook_queue_depth";
/// Age of the oldest unfinished delivery.
pub const WEBHOOK_OLDEST_PENDING: &str = "fuelgate_webhook_oldest_pending_seconds";
/// Attempts to send e-mails of alerts.
pub const MAILS: &str = "fuelgate_mails_total";
/// Messages of alerts that wait.
pub const MAILS_WAITING: &str = "fuelgate_mails_waiting";
/// Alerts that were made.
pub const ALERTS: &str = "fuelgate_alerts_total";
/// Events by what became of them.
pub const EVENTS: &str = "fuelgate_events_total";
/// Events that wait for an operator.
pub const EVENTS_UNRESOLVED: &str = "fuelgate_events_unresolved";
/// Conditions that failed.
pub const EVENT_CONDITION_ERRORS: &str = "fuelgate_event_condition_errors_total";
/// Shapes of data that failed.
pub const EVENT_SHAPE_ERRORS: &str = "fuelgate_event_shape_errors_total";
/// Reloads of the configuration.
pub const CONFIG_RELOADS: &str = "fuelgate_config_reloads_total";
/// The configuration in force.
pub const CONFIG_INFO: &str = "fuelgate_config_info";
/// Time until a certificate expires.
pub const CERTIFICATE_EXPIRES: &str = "fuelgate_certificate_expires_seconds";
/// This node's clock against the store's.
pub const CLOCK_SKEW: &str = "fuelgate_clock_skew_seconds";
/// Exchanges with upstreams.
pub const UPSTREAM_REQUESTS: &str = "fuelgate_upstream_requests_total";
/// Time of exchanges with upstreams.
pub const UPSTREAM_DURATION: &str = "fuelgate_upstream_duration_seconds";
/// Whether a target is healthy.
pub const UPSTREAM_HEALTHY: &str = "fuelgate_upstream_healthy";
/// Requests to the portal.
pub const PORTAL_REQUESTS: &str = "fuelgate_portal_requests_total";
/// Time of its pages.
pub const PORTAL_DURATION: &str = "fuelgate_portal_request_duration_seconds";
/// Its sessions, by what became of them.
pub const PORTAL_SESSIONS: &str = "fuelgate_portal_sessions_total";
/// The program.
pub const BUILD_INFO: &str = "fuelgate_build_info";
/// Access-log lines that were lost.
pub const ACCESS_LOG_DROPPED: &str = "fuelgate_access_log_dropped_total";
/// Diagnostic lines that were lost.
pub const DIAGNOSTICS_DROPPED: &str = "fuelgate_diagnostics_dropped_total";

/// The label of what is over a ceiling of series, or of an unknown method.
pub const OTHER: &str = "other";
/// The route label of requests that belong to no route.
pub const NO_ROUTE: &str = "none";
