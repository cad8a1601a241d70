//! Bounds of what goes out to receivers and of what is read of their replies; never when it goes.

use std::time::Duration;

/// Addresses of a receiver's name that are tried.
pub const RESOLVED_ADDRESSES: usize = 8;
/// How long a connection to a receiver is kept for the next delivery.
pub const WEBHOOK_IDLE: Duration = Duration::from_secs(20);
/// Connections to one receiver that are kept so.
pub const WEBHOOK_IDLE_CONNECTIONS: usize = 8;
/// Receivers whose connections are kept at once: each connection is an open file.
pub const WEBHOOK_IDLE_HOSTS: usize = 512;
/// Time for a connection to a receiver with all that belongs to it: resolving its name, TCP and TLS.
pub const WEBHOOK_CONNECT_TIME: Duration = Duration::from_secs(10);
/// How long the body of a receiver's reply is read once its status has come: it changes nothing any more.
pub const WEBHOOK_BODY_TIME: Duration = Duration::from_secs(2);
/// Fields of a receiver's reply that are read; with more the reply is none.
pub const WEBHOOK_REPLY_FIELDS: usize = 100;
/// Fields of a reply that are kept, and bytes of one value.
pub const WEBHOOK_REPLY_FIELDS_KEPT: usize = 32;
/// See [`WEBHOOK_REPLY_FIELDS_KEPT`].
pub const WEBHOOK_REPLY_FIELD_BYTES: usize = 256;
/// Fields of a reply that the log of an attempt keeps.
pub const WEBHOOK_REPLY_FIELDS_LOGGED: usize = 8;
/// Bytes of a reply's header over HTTP/2. Over HTTP/1 the library has its own bound, 400 KiB.
pub const WEBHOOK_REPLY_HEADER_BYTES: u32 = 16_384;
/// Bytes that a receiver may send ahead over HTTP/2, of one reply and of all on a connection.
pub const WEBHOOK_REPLY_WINDOW: u32 = 65_535;
/// Targets that the operator allows although they are not public: all of them are looked at for each address.
pub const ALLOWED_TARGETS: usize = 1_000;
/// Name servers that a configuration may name.
pub const NAME_SERVERS: usize = 8;
/// Names of receivers whose addresses are remembered.
pub const RESOLVED_NAMES: u64 = 1_024;
/// How long they are at most, whatever their name server says.
pub const RESOLVED_TIME: Duration = Duration::from_secs(60);
/// How long it is remembered at most that a name has no address.
pub const RESOLVED_NEGATIVE_TIME: Duration = Duration::from_secs(10);
/// How often a name server is asked before a look-up has failed.
pub const RESOLVER_TRIES: u32 = 2;
/// How often it is looked whether the system has other name servers.
pub const RESOLVER_LOOK: Duration = Duration::from_secs(10);
/// Bytes of a receiver's reply that are read.
pub const WEBHOOK_REPLY_BYTES: usize = 16_384;
/// Bytes of a receiver's reply that the delivery log keeps.
pub const WEBHOOK_EXCERPT_BYTES: usize = 1_024;

const _: () = assert!(WEBHOOK_REPLY_FIELDS_LOGGED <= WEBHOOK_REPLY_FIELDS_KEPT);
const _: () = assert!(WEBHOOK_EXCERPT_BYTES <= WEBHOOK_REPLY_BYTES);
const _: () = assert!(WEBHOOK_REPLY_BYTES <= WEBHOOK_REPLY_WINDOW as usize);
