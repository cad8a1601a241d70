//! Every bound that is not a setting, by name, with its unit and reason; relations between bounds are checked at compile time.

pub mod alerts;
mod delivery;
pub mod docs;
mod identity;
mod listen;
pub mod old_secrets;
pub mod operations;
mod outbound;
pub mod portal;
pub mod simulator;
mod webhooks;

use std::time::Duration;

pub use delivery::*;
pub use identity::*;
pub use listen::*;
pub use outbound::*;
pub use webhooks::*;

/// Longest `Authorization` value that is looked at, in bytes: a key is far shorter, and nothing longer is worth hashing.
pub const AUTHORIZATION_BYTES: usize = 4096;
/// Bytes of an unread request body that are drained so that a refused client keeps its connection.
pub const DRAIN_BYTES: usize = 65_536;
/// How long such a drain may take.
pub const DRAIN_TIME: Duration = Duration::from_secs(2);
/// Requests on one client connection before it is closed, so that load moves to new nodes.
pub const KEEPALIVE_REQUESTS: u32 = 100_000;
/// Idle time of a client connection between requests.
pub const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
/// Time in which a client must have sent its whole header.
pub const HEADER_TIME: Duration = Duration::from_secs(15);
/// Time in which a client must send the next part of its body.
pub const BODY_READ_TIME: Duration = Duration::from_secs(30);
/// Time in which a client must take the next part of a response.
pub const WRITE_TIME: Duration = Duration::from_secs(60);
/// Bytes of a response that wait to leave in one write: a header and a small body together.
pub const WRITE_BUFFER_BYTES: usize = 4_096;
/// Time for a client's TLS handshake.
pub const HANDSHAKE_TIME: Duration = Duration::from_secs(15);
/// Connections that wait to be accepted, per listener.
pub const ACCEPT_BACKLOG: i32 = 4_096;
/// Bytes a second that a client must send of its body on average, once [`BODY_READ_TIME`] is over.
pub const BODY_MIN_RATE: u64 = 100;
/// Attempts to reach an upstream for one request, each at another target; none once a request was sent.
pub const CONNECT_ATTEMPTS: usize = 3;
/// Idle connections to upstreams that each worker thread keeps.
pub const UPSTREAM_IDLE_CONNECTIONS: usize = 512;
/// How long an idle connection to an upstream is kept: shorter than what servers commonly grant.
pub const UPSTREAM_IDLE_TIME: Duration = Duration::from_secs(50);
/// How often host names of upstream targets are resolved anew.
pub const RESOLVE_INTERVAL: Duration = Duration::from_secs(15);
/// Time for one resolution of a host name, and for one health check.
pub const PROBE_TIME: Duration = Duration::from_secs(5);
/// Bytes of a health check's answer that are read: its status line is enough.
pub const PROBE_BYTES: usize = 4_096;
/// Body of an admin API request, in bytes.
pub const ADMIN_BODY_BYTES: usize = 1_048_576;
/// Header block of an admin API request, in bytes; hyper takes no less than 8,192.
pub const ADMIN_HEADER_BYTES: usize = 32_768;
/// Connections to the admin, status or portal listener at once; further ones wait in the kernel's backlog.
pub const ADMIN_CONNECTIONS: usize = 1_024;
/// Time for a TLS handshake.
pub const TLS_HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// How long a DELETE of an account waits for the erasure before it answers that it goes on.
pub const ERASURE_WAIT: Duration = Duration::from_secs(2);
/// Characters of an opaque cursor.
pub const CURSOR_CHARS: usize = 512;
/// Keys of one import call.
pub const IMPORT_KEYS: usize = 1_000;
/// How long an Idempotency-Key of the admin API is remembered.
pub const IDEMPOTENCY_TIME: Duration = Duration::from_secs(24 * 3600);
/// Characters of an Idempotency-Key.
pub const IDEMPOTENCY_KEY_CHARS: usize = 255;
/// Characters of a name (key, endpoint description, actor).
pub const NAME_CHARS: usize = 200;
/// Entries of a key's `allowed_ips`.
pub const ALLOWED_IPS: usize = 100;
/// Characters of an account id.
pub const ACCOUNT_ID_CHARS: usize = 128;
/// Longest grace period of a rotated secret.
pub const ROTATION_GRACE: Duration = Duration::from_secs(30 * 24 * 3600);
/// Secrets of one key: the current one and those in their grace period; a further rotation ends the oldest.
pub const KEY_SECRETS: usize = 4;
/// How often a change is tried anew when another change of the same thing came first.
pub const REVISION_TRIES: usize = 8;
/// Negative cache entries live no longer than this: a key made elsewhere works this soon at the latest.
pub const NEGATIVE_CACHE_TIME: Duration = Duration::from_secs(5);
/// Negative entries that the key cache keeps.
pub const NEGATIVE_CACHE_ENTRIES: usize = 100_000;
/// Accounts that are read from the store at once.
pub const ACCOUNT_LOADS: usize = 8_192;
/// Age at which an account in memory is read again when a key of it is; as the default age of keys.
pub const ACCOUNT_AGE: Duration = Duration::from_secs(60);
/// Accounts in memory before those that no key holds are looked for and forgotten.
pub const ACCOUNT_SWEEP: usize = 4_096;
/// Tokens and periods of an account's own rates: products of two stay far inside 64 bits.
pub const RATE_TOKENS: u64 = 1_000_000_000;
/// Seconds of the period of an account's own rates; as in the configuration.
pub const RATE_SECONDS: u64 = 86_400;
/// Longest pause before an erasure that the store refused is tried anew.
pub const ERASURE_RETRY: Duration = Duration::from_secs(60);
/// Digests that are looked up in the store at once; who asks for a further one is told that the store is unavailable.
pub const KEY_LOADS: usize = 8_192;
/// Keys that are read again, or whose digests move to a new pepper, in the background at once; others try later.
pub const KEY_BACKGROUND: usize = 256;
/// Time after which a key that could not be read again is tried anew.
pub const KEY_REFRESH_RETRY: Duration = Duration::from_secs(1);
/// Keys whose last use waits to be written; the last use of further ones is not noted.
pub const LAST_USES: usize = 131_072;
/// Distinct sets of scopes that keys in memory share; with more, memory grows a little.
pub const SCOPE_SETS: usize = 4_096;
/// Access-log lines that wait for their sink; further lines are dropped and counted.
pub const ACCESS_LOG_LINES: usize = 16_384;
/// Bytes of access-log lines that wait for their sink.
pub const ACCESS_LOG_BYTES: usize = 8_388_608;
/// Diagnostic lines that wait for standard error; further lines are dropped and counted.
pub const DIAGNOSTICS_LINES: usize = 4_096;
/// Bytes of diagnostic lines that wait for standard error.
pub const DIAGNOSTICS_BYTES: usize = 1_048_576;
/// Store writes that wait for the writer; further callers are told that the store is unavailable.
pub const STORE_QUEUE: usize = 8_192;
/// Writes that one transaction takes together.
pub const STORE_BATCH: usize = 512;
/// How long a store write may wait before its caller is told that the store is unavailable.
pub const STORE_WRITE_TIME: Duration = Duration::from_secs(5);
/// Store reads that wait for a reader; further callers are told that the store is unavailable.
pub const STORE_READ_QUEUE: usize = 8_192;
/// How long a store read may wait before its caller is told that the store is unavailable.
pub const STORE_READ_TIME: Duration = Duration::from_secs(5);
/// Connections of the embedded store that read.
pub const STORE_READERS: usize = 4;
/// How often an embedded store that takes no writes tries whether it does again.
pub const STORE_PROBE_TIME: Duration = Duration::from_millis(200);
/// How long the check for damage after an unclean stop may keep a start waiting.
pub const STORE_CHECK_TIME: Duration = Duration::from_secs(10);
/// Pages of the write-ahead log from which it is moved into the database file beside the writer.
pub const STORE_WAL_PAGES: u32 = 1_000;
/// Pages of the write-ahead log from which the writer itself moves it, callers waiting meanwhile.
pub const STORE_WAL_PAGES_MOST: u32 = 16_384;
/// Bytes that the write-ahead log keeps on disk when it is empty.
pub const STORE_WAL_BYTES: u64 = 67_108_864;
/// Free pages below which the embedded store says that it is full: room for what is in flight by then.
pub const STORE_RESERVE_PAGES: u32 = 256;
/// Free bytes of the disk below which the embedded store says that it is full.
pub const STORE_RESERVE_BYTES: u64 = 16_777_216;
/// Rows that one transaction of an erasure or a clean-up deletes, so that other writes come in between.
pub const STORE_DELETE_ROWS: u32 = 1_000;
/// Rows that a copy from one store into another has in memory at once.
pub const COPY_ROWS: u32 = 1_000;
/// The same of rows that may be large: events with their data, deliveries with what receivers replied.
pub const COPY_LARGE_ROWS: u32 = 200;
/// Keys, and as many accounts, whose limits are held in memory: about 100 bytes each; further ones are refused as overloaded.
pub const LIMITER_ENTRIES: usize = 4_000_000;
/// Distinct routes and keys per metric before further ones are counted under `other`.
pub const METRIC_SERIES: usize = 1_000;
/// How often usage goes to the store.
pub const USAGE_FLUSH: Duration = Duration::from_secs(1);
/// Rows of usage that wait in memory while the store is away; beyond, routes and hours of a key are summed together.
pub const USAGE_PENDING_ROWS: usize = 500_000;
/// Rows that one usage batch has, give or take one key's.
pub const USAGE_BATCH_ROWS: usize = 20_000;
/// Hours kept in hourly usage.
pub const USAGE_HOURS: Duration = Duration::from_secs(35 * 24 * 3600);
/// Months kept in daily usage.
pub const USAGE_MONTHS: u32 = 25;
/// Rows of one usage answer.
pub const USAGE_ROWS: usize = 10_000;
/// Files, in bytes, that configuration is read from.
pub const CONFIG_BYTES: u64 = 4_194_304;
/// How long a stop waits for what is in flight beyond `shutdown.grace_seconds`.
pub const SHUTDOWN_EXTRA: Duration = Duration::from_secs(5);
/// Body of a request to the sample CRM, in bytes.
pub const SAMPLE_BODY_BYTES: usize = 262_144;
/// Accounts of the sample CRM that have written something; those that only read share the seeded data.
pub const SAMPLE_TENANTS: usize = 1_000;
/// Records of one account in the sample CRM, all kinds together.
pub const SAMPLE_TENANT_RECORDS: usize = 100_000;
/// Records of the sample CRM over all accounts.
pub const SAMPLE_RECORDS: usize = 200_000;
/// Automation runs that the sample CRM remembers per account; the oldest go first.
pub const SAMPLE_RUNS: usize = 1_000;
/// Characters of a long text in the sample CRM.
pub const SAMPLE_TEXT_CHARS: usize = 2_000;
/// Answer of the admin API that its command-line clients read, in bytes: a full page of events with the largest data fits.
pub const CLIENT_RESPONSE_BYTES: usize = 67_108_864;
/// How long such a client waits for a whole answer.
pub const CLIENT_TIME: Duration = Duration::from_secs(60);
/// JSON array of keys to import that is read as a whole, in bytes; JSON lines have no such bound.
pub const IMPORT_ARRAY_BYTES: u64 = 268_435_456;
/// How long a lease of tokens counts as outstanding in the store after its grant.
pub const LEASE_LIFE: Duration = Duration::from_millis(2_000);
/// How long a node spends from a lease, counted from before it asked: shorter than [`LEASE_LIFE`] by what a call to give
/// back the rest, and clocks that run apart, may take.
pub const LEASE_HOLD: Duration = Duration::from_millis(1_500);
/// Tokens of one grant: products of two stay exact in the store's numbers (2^53).
pub const LEASE_BLOCK: u64 = 1 << 26;
/// Longest pause between two calls for a bucket that is empty, where nothing but the rate fills it.
pub const LEASE_PACE: Duration = Duration::from_millis(50);
/// Longest such pause where many nodes draw on one bucket.
pub const LEASE_PACE_SHARED: Duration = Duration::from_millis(1_000);
/// How long a node keeps more than one request's tokens that nobody asks for, before it gives them back.
pub const LEASE_IDLE: Duration = Duration::from_millis(250);
/// How long it keeps what the next request takes.
pub const LEASE_IDLE_LAST: Duration = Duration::from_millis(1_000);
/// Longest time that a refusal is believed without asking the store again, where no lease is outstanding elsewhere.
pub const LEASE_RECHECK: Duration = Duration::from_secs(60);
/// How long a request waits for a grant, all rounds together, before `limits.on_store_failure` decides.
pub const LEASE_WAIT: Duration = Duration::from_millis(100);
/// First and longest pause between two tries while the store does not grant.
pub const LEASE_RETRY: Duration = Duration::from_millis(10);
/// See [`LEASE_RETRY`].
pub const LEASE_RETRY_MOST: Duration = Duration::from_millis(1_000);
/// Grants that are under way at once. Redis carries out some 15,000 a second: with so many the last of them is answered well
/// within the default deadline, and enough of them are under way where Redis is 5 ms away.
pub const LEASE_CALLS: usize = 128;
/// Of them, those that nobody waits for: what is given back, or fetched ahead.
pub const LEASE_CALM_CALLS: usize = 32;
/// Keys that wait for their grant; for further ones `limits.on_store_failure` decides.
pub const LEASE_QUEUE: usize = 65_536;
/// Tokens that a bucket may owe at most: 2^40.
pub const LEASE_DEBT: u64 = 1 << 40;
/// Refill beyond a full bucket that may pay for what nodes admitted on their own meanwhile, as a time of its rate.
pub const LEASE_SPARE: Duration = Duration::from_secs(3_600);
/// How long the store knows what a node reported last of a key; longer than a node's [`LEASE_SETTLED`] twice.
pub const LEASE_RECORD: Duration = Duration::from_secs(300);
/// Age from which a node takes what the store acknowledged for safe from a failover.
pub const LEASE_SETTLED: Duration = Duration::from_secs(30);
/// How long the store keeps the bucket of a key that nobody uses, at least.
pub const LEASE_BUCKET: Duration = Duration::from_secs(600);
/// Time that giving back all leases may take at a stop.
pub const LEASE_DRAIN: Duration = Duration::from_secs(2);
/// How often a node says that it lives.
pub const NODE_BEAT: Duration = Duration::from_secs(1);
/// Silence after which a node no longer counts as live.
pub const NODE_LIVE: Duration = Duration::from_secs(5);
/// Time to reach a Redis server: connection, TLS, password and a first write.
pub const REDIS_CONNECT_TIME: Duration = Duration::from_secs(1);
/// How long what was sent to a Redis server may stay unacknowledged by its machine, and a silent connection untested.
pub const REDIS_SILENCE: Duration = Duration::from_secs(5);
/// Calls that wait to be written to one Redis server; further ones wait within their deadlines.
pub const REDIS_QUEUE: usize = 1_024;
/// Calls of operators and of background work that one server is sent at once: a request's call comes after them at worst.
pub const REDIS_CALM_CALLS: usize = 16;
/// Failures in a row after which calls on a request's path no longer wait for a Redis server.
pub const REDIS_FAILURES: u32 = 5;
/// First pause before a Redis server that failed is tried again.
pub const REDIS_PROBE_FIRST: Duration = Duration::from_millis(50);
/// Longest such pause.
pub const REDIS_PROBE_LONGEST: Duration = Duration::from_secs(1);
/// Shortest time between two connections that are made because a call was not answered in time.
pub const REDIS_RENEW_PAUSE: Duration = Duration::from_secs(1);
/// How often one call is sent on within a Redis Cluster before its caller is told that the store is unavailable.
pub const REDIS_REDIRECTS: u32 = 4;
/// Pause before a call is repeated whose keys are on their way to another node of a Redis Cluster.
pub const REDIS_MOVE_PAUSE: Duration = Duration::from_millis(5);
/// Shortest time between two looks at which node of a Redis Cluster has which slots.
pub const REDIS_SLOTS_PAUSE: Duration = Duration::from_millis(100);
/// Nodes of a Redis Cluster that redirections named and that are not known to have slots.
pub const REDIS_GUESTS: usize = 64;
/// Messages of other nodes that wait to be heard; when there are more, the listener is told that some were lost.
pub const REDIS_MESSAGES: usize = 4_096;
/// How often a subscription is tested, and how long the test may take.
pub const REDIS_LISTEN_TEST: Duration = Duration::from_secs(1);
/// How often the clocks of Redis servers are read.
pub const REDIS_CLOCK_PAUSE: Duration = Duration::from_secs(5);
/// How long a start waits for a store that nodes share before it opens its listeners without it, not ready.
pub const STORE_CONTACT_TIME: Duration = Duration::from_secs(2);
/// Pause between two tries to make the first contact with such a store.
pub const STORE_CONTACT_PAUSE: Duration = Duration::from_millis(200);
/// Accounts that other nodes changed and that are read at once; what is heard next waits for one of them.
pub const ACCOUNTS_HEARD: usize = 64;
/// How often erasures are looked for that no node carries out, since the one that did has ended.
pub const ERASURE_LOOK: Duration = Duration::from_secs(300);
/// How long a start waits for Redis.
pub const REDIS_START_TIME: Duration = Duration::from_secs(10);
/// Readings of a Redis server's clock from which the best is taken.
pub const REDIS_CLOCK_READINGS: usize = 8;
/// By how much this machine's clock and the store's may differ, beside what a reading may be off, before the store's is
/// followed: time does not go to and fro for nothing.
pub const CLOCK_STEP: Duration = Duration::from_millis(100);
/// By how much this machine's clock and the store's may differ before there is a warning.
pub const CLOCK_SKEW: Duration = Duration::from_secs(2);
/// Time between two lines in the log about exchanges that failed; the access log has each of them.
pub const LOG_PACE: Duration = Duration::from_secs(1);
/// Entries that one script of events in Redis touches, or one exchange reads: Redis does nothing else meanwhile.
pub const REDIS_STEP: usize = 100;
/// Entries of a list that a filter looks at in one step.
pub const REDIS_LOOK: usize = 500;
/// Steps that one page of a list takes; where a filter leaves out nearly everything, the page is short then.
pub const REDIS_LIST_ROUNDS: usize = 20;
/// Events that one script settles; fewer where they have many deliveries.
pub const REDIS_SETTLE: usize = 32;
/// Deliveries that one script claims, from as many endpoints at most.
pub const REDIS_CLAIM: usize = 100;
/// Rounds in which one claim gives room that a shard did not need to the others.
pub const REDIS_CLAIM_ROUNDS: usize = 4;
/// How long a script recognises its own call when it comes a second time: longer than anybody waits for the first.
pub const REDIS_LATE_CALL: Duration = Duration::from_secs(60);
/// Calls to Redis that one operation has under way at once.
pub const STORE_CALLS: usize = 64;
/// Entries that one script in Redis touches: it does nothing else meanwhile.
pub const STORE_SCRIPT_KEYS: usize = 500;
/// How long an entry of an index may lead nowhere before it is taken for one that a crash left: longer than any call that
/// Redis has not carried out yet.
pub const INDEX_GRACE: Duration = Duration::from_secs(3600);
/// How long what comes late for an erased account is still recognised: longer than any exchange or flush.
pub const ERASED_TIME: Duration = Duration::from_secs(24 * 3600);
/// Entries of the audit log that one page looks at where a filter wants few of them.
pub const AUDIT_SCAN: usize = 100_000;
/// How long a batch of usage waits for the store before it goes to the spool: no longer than the next one takes to come.
pub const SPOOL_USAGE_TIME: Duration = USAGE_FLUSH;
/// How long a settlement of events waits for the store before it goes to the spool; no client waits for it.
pub const SPOOL_SETTLE_TIME: Duration = Duration::from_secs(1);
/// How long one call that drains the spool waits for the store; a store's own deadlines are shorter as a rule.
pub const SPOOL_DRAIN_TIME: Duration = Duration::from_secs(10);
/// First and longest pause before what waits in the spool is tried anew.
pub const SPOOL_RETRY: Duration = Duration::from_millis(50);
/// See [`SPOOL_RETRY`].
pub const SPOOL_RETRY_MOST: Duration = Duration::from_secs(1);
/// Entries of the spool up to which a write waits within its deadline for its turn at the store, and does not queue up in
/// the spool itself: so that a spool which is nearly empty becomes empty under traffic too.
pub const SPOOL_NEAR: u64 = 256;
/// Entries of the spool that are read at once.
pub const SPOOL_WINDOW_ROWS: u32 = 512;
/// Bytes of the spool that are read at once, give or take one entry.
pub const SPOOL_WINDOW_BYTES: usize = 4_194_304;
/// Events that one call records or settles when the spool is drained.
pub const SPOOL_TOGETHER: usize = 256;
/// Settlements no further apart than this are made in one call then, as of the last of them.
pub const SPOOL_SETTLE_SPAN: Duration = Duration::from_millis(500);
/// Bytes of one entry of the spool, give or take one event; larger settlements are cut.
pub const SPOOL_ENTRY_BYTES: usize = 1_048_576;
/// How long what was written to the store is kept in memory, to be sent again when a failover may have lost it: longer
/// than a master that is cut off goes on taking writes, and its replacement takes to be found.
pub const SPOOL_AGAIN_TIME: Duration = Duration::from_secs(30);
/// Bytes of memory that this takes for events, and as many for usage; the oldest go first.
pub const SPOOL_AGAIN_BYTES: usize = 67_108_864;
/// Free pages of 4096 bytes below which the spool says that it is full, or an eighth of a small one: room for what is
/// settled by requests that are under way by then.
pub const SPOOL_RESERVE_PAGES: u32 = 16_384;
/// Free pages of the spool that no entry takes, so that draining a full one never lacks room.
pub const SPOOL_SPARE_PAGES: u32 = 16;
/// Outages of the store that last this long may have left events pending whose settlement waits in the spool of some node.
pub const SPOOL_LONG_OUTAGE: Duration = Duration::from_secs(300);
/// How long events that were left pending are not looked for after such an outage: other nodes drain their spools first.
pub const SPOOL_SWEEP_PAUSE: Duration = Duration::from_secs(60);
/// Rows of a usage batch that one script call in Redis adds to a slot.
pub const USAGE_PIECE_ROWS: usize = 32;
/// Script calls of one usage batch under way in Redis at once: a piece of a shard takes Redis half a millisecond, and requests
/// wait meanwhile.
pub const USAGE_CALLS: usize = 8;
/// How long Redis remembers at least which batch of a process it has: longer than any spool waits.
pub const USAGE_MARKER_TIME: Duration = Duration::from_secs(8 * 24 * 3600);
/// Processes whose batches a slot in Redis remembers; with more, the one seen longest ago is forgotten.
pub const USAGE_MARKERS: usize = 1_024;
/// Shortest time that usage in Redis is kept from its writing on, however old it is by then.
pub const USAGE_HASH_LEAST: Duration = Duration::from_secs(24 * 3600);
/// Longest time that usage in Redis is kept from its writing on, whatever a node's clock said.
pub const USAGE_HASH_MOST: Duration = Duration::from_secs(860 * 24 * 3600);
/// How long it is remembered where usage has no account that one is being erased: far longer than a batch is applied.
pub const USAGE_ERASURE_TIME: Duration = Duration::from_secs(24 * 3600);
/// By how much the clocks of Redis servers may differ before an erasure can miss a row that comes in meanwhile.
pub const USAGE_ERASURE_MARGIN: Duration = Duration::from_secs(60);
/// Commands of one exchange with Redis when usage is read.
pub const USAGE_READ_COMMANDS: usize = 128;
/// Fields of one command when usage is read from, or deleted in, a large hash in Redis.
pub const USAGE_SCAN_FIELDS: usize = 500;
/// Fields that such a command passes by where it gives back few of them.
pub const USAGE_SCAN_PASSED: usize = 5_000;

const _: () = assert!(STORE_BATCH <= STORE_QUEUE);
const _: () = assert!(STORE_WAL_PAGES < STORE_WAL_PAGES_MOST);
const _: () = assert!(EVENT_DATA_BYTES <= ADMIN_BODY_BYTES);
const _: () = assert!(SAMPLE_TENANT_RECORDS <= SAMPLE_RECORDS);
const _: () = assert!(EVENT_DATA_BYTES * 200 <= CLIENT_RESPONSE_BYTES);
const _: () = assert!(LEASE_HOLD.as_millis() < LEASE_LIFE.as_millis());
const _: () = assert!(LEASE_IDLE.as_millis() < LEASE_IDLE_LAST.as_millis());
const _: () = assert!(LEASE_IDLE_LAST.as_millis() < LEASE_HOLD.as_millis());
const _: () = assert!(LEASE_BLOCK * LEASE_BLOCK < 1 << 53);
const _: () = assert!(LEASE_SETTLED.as_millis() * 2 < LEASE_RECORD.as_millis());
const _: () = assert!(LEASE_RECORD.as_millis() <= LEASE_BUCKET.as_millis());
// Refill of the fastest rate in the longest of these times is exact in the store's numbers.
const _: () = assert!(LEASE_SPARE.as_millis() < (1 << 53) / RATE_TOKENS as u128);
// So is a period squared, in milliseconds.
const _: () = assert!(RATE_SECONDS * RATE_SECONDS * 1_000_000 < 1 << 53);
const _: () = assert!(LEASE_CALM_CALLS < LEASE_CALLS);
const _: () = assert!(REDIS_PROBE_FIRST.as_millis() < REDIS_PROBE_LONGEST.as_millis());
const _: () = assert!(REDIS_CONNECT_TIME.as_millis() < STORE_READ_TIME.as_millis());
const _: () = assert!(STORE_READ_TIME.as_secs() < REDIS_LATE_CALL.as_secs());
const _: () = assert!(SPOOL_LONG_OUTAGE.as_secs() < PENDING_EVENT_AGE.as_secs());
const _: () = assert!(SPOOL_RESERVE_PAGES as usize * 4096 <= RELEASE_BYTES);
const _: () = assert!(SPOOL_ENTRY_BYTES <= SPOOL_WINDOW_BYTES);
// The last day of a month that just begins is kept this long, with the days that share its hash.
const _: () =
    assert!(USAGE_HASH_MOST.as_secs() >= ((USAGE_MONTHS as u64 + 2) * 31 + 8) * 24 * 3600);
const _: () = assert!(USAGE_HASH_LEAST.as_secs() < USAGE_HOURS.as_secs());
