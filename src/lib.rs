//! fuelgate is an edge API gateway on Pingora; this page is its architecture and holds no code.
//!
//! # Bird's eye
//!
//! One process, one binary. Clients talk HTTP to the *gateway's* listeners; operators and the backend talk to the
//! *admin API* on a listener of its own; an account's developers open the *portal* on another; Prometheus reads the *status*
//! listener. Behind it all lies one store: on one
//! machine a SQLite database, for several nodes Redis. The gateway authenticates keys, enforces scopes, limits and quotas, forwards, meters, and
//! turns successful writes into signed webhook events.
//!
//! # A request's path
//!
//! `proxy::admit` has the order in one place, as calls one after the other (a table of steps costs each request a jump by table
//! for each): form → route → maintenance → credential → key → scope → address → body → upstream → events →
//! limits. `proxy::tests::order` holds it. A request
//! loads one `Snapshot` (everything built from one valid configuration) and finishes on it, whatever is reloaded
//! meanwhile. One look-up by digest in [`keys`]' cache finds the record and, attached to it, the account's state, both
//! buckets and the usage counters, so that a warm request touches no store. Then it is forwarded; the response passes;
//! `logging` records usage, metrics and the access-log line, and releases the request's events.
//!
//! # A page's path
//!
//! The portal's listener serves pages, forms and files ([`web::portal`], [`web::docs`]), all of them in one table
//! ([`web::portal::table`]) with who may ask for each. A request passes `web::portal::guard`: the row of the table → the
//! session of the cookie → that a form comes from our own page → the role. A page gets an `Own`, through which it reaches
//! the account's things and no other's; it has no other way to a service. What it shows is written by `maud`, which escapes
//! every text, and works without a script; modules of ours add to it. No page has anything inline or from another origin,
//! and the policy that each answer carries holds browsers to that. Calls of the explorer (`/api/*`) go back into the gateway
//! through its own admission ([`web::portal::api`]).
//!
//! The documentation is for everybody, and made once of each configuration ([`web::docs::DocsCache`]): operations, schemas, the
//! index of the search, the OpenAPI documents as files. Its pages know who is signed in and show it, with the banner of a quota
//! that is nearly used up, as all other pages do; so browsers may keep them for their reader alone and ask each time whether
//! they are still the same. Its files are the same for everybody, and say so.
//!
//! # Layers
//!
//! | layer | holds | may import |
//! | --- | --- | --- |
//! | [`base`] | time, ids, secrets, the error table, ceilings | – |
//! | [`config`], [`observe`] | the valid configuration; metrics and logs | base |
//! | [`accounts`] [`routing`] [`keys`] [`limits`] [`usage`] [`webhooks`] [`portal`] [`alerts`] | the domains: what is decided, and the ports (`port.rs`) they need | base, config, observe; never each other |
//! | [`store`] [`outbound`] [`proxy`] [`web`] | shells: databases, the network, Pingora, axum | domains; never each other |
//! | [`app`] | puts it together: the only place that names domains and backends both | all of the above |
//! | [`cli`] | subcommands | app; client commands only base |
//! | [`sample`] | the sample CRM, a backend to try things with | base |
//!
//! `tests/it/tidy.rs` holds this, file sizes and opening sentences.
//!
//! # Invariants, as absences
//!
//! * Nothing in a domain does I/O, reads a clock or sleeps: decisions take `now`.
//! * Nothing outside `proxy` and `app` names Pingora; nothing outside `store` names SQLite.
//! * No lock is held over an await, and no warm request waits for the store, except that a write on a route with event
//!   rules waits until its event is durable.
//! * No secret is at rest: keys are digests under a pepper, endpoint secrets are sealed under a key derived from it.
//! * No queue is without a bound: [`base::ceilings`] has them all that are not settings.
//! * No change of an operator's is without its audit entry: both are one transaction.
//! * No 2xx of a write on a route with event rules reaches a client before its event is in the store.
//! * No page of the portal names a service: what is another account's is to it as if it were not there.
//! * No session of the portal is at rest but as digests, and none is found by what a browser says of itself: a link works
//!   once, a cookie's secret changes, and each form carries what only pages of its own session have.
//! * No call of the portal's explorer has a way around admission: it enters the workers as any connection does.
//!
//! # Many nodes, one Redis
//!
//! With `store.engine: redis` nodes share one store: a single server, one behind sentinels, or a cluster. `app::backend`
//! chooses the engine; whatever is behind the ports, the domains are the same.
//!
//! * *Start.* The first contact is waited for a moment, then listeners open without it: `/healthz` answers, `/readyz` says
//!   no, keys get 503 `store_unavailable`, and no call reaches a server that nobody has looked at. Servers that evict, a
//!   layout of a later version and a wrong password end the process by name, whenever they are found: waiting is no use.
//!   A store that is lost later is no matter of readiness but of `store_up`, `limiter_degraded` and `spool_bytes`.
//! * *Limits* are leased ([`limits::lease`]): a node borrows tokens for 50 to 100 ms of its own rate and spends them without
//!   a call. While the store is away `limits.on_store_failure` decides over what is not in hand. What nodes compare
//!   is a digest of plans and mode, so that addresses may differ.
//! * *Usage and events* go to Redis first, under its deadline, and into the local [`store::spool`] where that fails, from
//!   which they are sent in order. Each connection to a server that is made (`app::hear`) has what was written in the
//!   last seconds sent again: a failover may have lost it, and every write is idempotent.
//! * *Caches.* Nodes hear of each other's changes ([`store::redis::notices`]) and drop or read again what changed; after a gap
//!   everything ages at once and serves on until it is read. Known keys go on for `max_stale_seconds` of an outage; of
//!   an unknown one nobody can say that it is none, so that it is never a 401.
//! * *Deliveries* are claimed for a time, by every node. Endpoints stand in line by when the first of their queue may be
//!   taken, with one store as with the other ([`webhooks::port::ClaimTerms`]): one that fares ill is held off
//!   ([`webhooks::health`]) and accounts take turns ([`webhooks::share`]), so that no receiver's silence is another's delay.
//!   The sweeper takes no event before it is so old that no exchange of any node can have it in hand; erasures are gone on
//!   with by whichever node looks for them next.
//! * *Recovery.* What an endpoint missed, because it was disabled or was made later, a replay makes deliveries of
//!   ([`webhooks::port::replays`]): along the account's released events by their numbers, from any node, once however often it
//!   is asked for. It leaves alone events that are older than deliveries are kept, of which nobody could tell what was missed.
//! * *Layouts.* The version of what lies in Redis is 4. A start takes layouts 1 to 3 over as they are: what a later one has
//!   more begins empty, and so does the order of released events where layout 1 is taken over; endpoints of months that were
//!   counted before layout 4 are found by going through all fields, as they were then. Nodes that know earlier ones
//!   only are refused, and those that still run must be stopped first: with 1 they would match no wildcards and keep no such
//!   order, with 2 they would erase an account and leave its sessions of the portal, its alerts and its mails behind, with 3
//!   they could not read how often old secrets were used, and would count endpoints that nobody finds by name.
//! * *Streams* of released events ([`webhooks::feed`]) are read by their numbers, from any node. A reader that comes back says
//!   which event it knows by the last number, so that numbers given anew after a failover take no event from it.
//! * *Moving up.* `app::store_copy` brings an embedded store into Redis, rows as they are, while a gateway serves on it: each
//!   run writes what differs and compares all of both sides, so that it may end anywhere. A mark in the target keeps
//!   gateways from a copy that is not whole, and copies from a store that gateways use. What is short-lived stays
//!   behind: sessions of the portal, inboxes, messages of alerts, so that an alert may be mailed once more.
//! * *Order on the wire.* A server answers one connection's calls in their order, so that what nobody waits for is sent a few
//!   calls at once and in small pieces (`REDIS_CALM_CALLS`, `LEASE_CALM_CALLS`, `USAGE_PIECE_ROWS`): a burst of it once made
//!   requests' calls miss their deadline.
//! * *Time.* Windows, expiries and ages follow the clock of Redis ([`base::clock::Clock::following`]), where that differs by more
//!   than a reading may be off; signatures of webhooks keep to the machine's own, which their receivers compare with theirs.
//! * *The operator's events* ([`webhooks::operational`]) have ids that are derived from what they tell, so that every node
//!   may tell it without asking the others; what ended badly is noted in the transaction that ended it, and told by whoever
//!   reads the note. A webhook of the operator's that fails makes no such note.
//! * *Alerts* ([`alerts`]) become messages whose ids are derived from what they tell and to whom, one to each address and one
//!   to the account's own webhooks. Every node that sees a mark reached puts them in line; the first makes them, and what
//!   was sent stays as the mark that it was until its window is over, so that a window is told once. Any node sends them,
//!   under a claim: a node that dies with one has it sent a second time, as the same message.
//! * *The simulator* ([`webhooks::simulator`]) decides by the functions that decide for real, and its inboxes lie in the
//!   store, so that any node catches what another one gave out the address of.
//! * *Stop.* Requests end, leases are given back, usage is flushed, the spool is emptied within the grace time. What is left
//!   in it is named, with its file, and the exit is not 0; the next start sends it.
//!
//! # Where this differs from the first design, and why
//!
//! * `accounts/` is a domain of its own (plan, overrides, suspension, erasure, audit log): it was nobody's before, and
//!   keys and limits both need it without importing each other.
//! * A change carries its audit entry and its remembered answer (`Idempotency-Key`) into the store as one value
//!   ([`base::audit::Change`]), so that all three are written in one transaction.
//! * The second usage roll-up is by (account, key, route, method), not (account, route, method): the callers of a route
//!   are asked for by key.
//! * Why requests were refused is kept by account only, and totals of keys by day and month beside the roll-ups: a page
//!   that ranks a thousand keys over a year would sum a million rows of theirs.
//! * One candidate event is recorded per matching rule, so that each has its own state, and dropped when its condition
//!   turns out false; a sequence number is taken at release, so that receivers see no gaps for dropped ones.
//! * Where a request has an Idempotency-Key, the key and the request's digest stand in place of its request id in what an
//!   event's id is derived from ([`webhooks::identity`]): a repetition is then the same event by its id alone, in every
//!   store and to every receiver, and nothing has to be remembered beside the event.
//! * Listeners are accepted by our own loop in front of Pingora's HTTP server, which then needs no pid file, no upgrade
//!   socket and no fixed wait at a stop, resolves port 0, bounds the time of a header, and swaps certificates.
//! * YAML is read by a parser that keeps positions (saphyr), since errors name line and column.
//! * Field names go to upstreams in lower case, as HTTP/2 writes them, and our fields are put into HTTP/1 responses as they
//!   are written: Pingora keeps a second map of how names were spelled, and setting fields in both was half of what the
//!   gateway cost a request.
//! * The portal writes its pages on the server, and every one works without a script. The explorer alone is somebody else's
//!   program: Swagger UI, without its style sheet (ours styles it) and without what names other places.
//! * Audit entries and remembered answers lie in Redis where their change lies, an account's slot or its shard's, so that a
//!   change and its entry are one script; indexes lead to them.

pub mod accounts;
pub mod alerts;
pub mod app;
pub mod base;
pub mod cli;
pub mod config;
pub mod keys;
pub mod limits;
pub mod observe;
pub mod outbound;
pub mod portal;
pub mod proxy;
pub mod routing;
pub mod sample;
pub mod store;
pub mod usage;
pub mod web;
pub mod webhooks;
