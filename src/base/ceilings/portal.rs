//! Bounds of the developer portal: its sessions, its forms and its way into the API; never those of what the pages show.

use std::time::Duration;

/// How long a one-time link waits to be opened: the backend redirects to it at once.
pub const PORTAL_LINK_TIME: Duration = Duration::from_secs(300);
/// How long a session lasts that nobody uses.
pub const PORTAL_IDLE: Duration = Duration::from_secs(30 * 60);
/// Age at which a session's cookie gets another secret.
pub const PORTAL_ROTATE: Duration = Duration::from_secs(15 * 60);
/// How long the secret before it is good for requests that are under way.
pub const PORTAL_PREVIOUS: Duration = Duration::from_secs(30);
/// How often it is written down that a session is in use.
pub const PORTAL_SEEN: Duration = Duration::from_secs(60);
/// How long a session lasts where the backend does not say.
pub const PORTAL_SESSION_DEFAULT: Duration = Duration::from_secs(3600);
/// How long a session lasts at most: a working day.
pub const PORTAL_SESSION_MOST: Duration = Duration::from_secs(12 * 3600);
/// Sessions of one account that have not ended, links that wait included.
pub const PORTAL_SESSIONS: usize = 10_000;
/// Characters of a person's id.
pub const PERSON_ID_CHARS: usize = 200;
/// Bytes of a form's body.
pub const PORTAL_FORM_BYTES: usize = 65_536;
/// Bytes of the simulator's form, which holds the data of an event, percent-encoded.
pub const PORTAL_SIMULATOR_FORM_BYTES: usize = 4 * super::simulator::SIMULATOR_BODY_BYTES;
/// Fields of a form or a query: a key's scopes are one each.
pub const PORTAL_FORM_FIELDS: usize = 256;
/// Characters of the text of a link or a cookie: account ids are the longest part.
pub const PORTAL_TICKET_CHARS: usize = 320;
/// Bytes of all Cookie fields that are looked at: other applications on the same host set theirs, too.
pub const PORTAL_COOKIE_BYTES: usize = 16_384;
/// One-time links that one source may open each second, and requests with a cookie that is none.
pub const SIGN_IN_PER_SECOND: u32 = 5;
/// Those that it may open at once.
pub const SIGN_IN_BURST: u32 = 30;
/// Sources whose sign-ins are counted; the others share a count.
pub const SIGN_IN_SOURCES: usize = 4_096;
/// How long before its end a key is shown as one that ends soon.
pub const KEY_EXPIRING_SOON: Duration = Duration::from_secs(14 * 24 * 3600);
/// How long before its end that is urgent.
pub const KEY_EXPIRING_NOW: Duration = Duration::from_secs(3 * 24 * 3600);
/// Pages of keys that the overview looks through; an account with more sees only the newest of those that end soon.
pub const OVERVIEW_PAGES: usize = 5;
/// Requests of the portal to the API that are under way at once on one node.
pub const API_CONNECTIONS: usize = 256;
/// Those of one source: no customer can have all of them.
pub const API_SOURCE_CONNECTIONS: usize = 32;
/// Time until such a request has its connection.
pub const API_OPEN_TIME: Duration = Duration::from_secs(5);
/// Keys that a chart tells apart: more colours than these cannot be told from each other.
pub const USAGE_CHART_KEYS: u32 = 5;
/// Keys that a file of usage tells apart; the others of the account are one more.
pub const USAGE_FILE_KEYS: u32 = 200;
/// Keys whose series are read at once for such a file.
pub const USAGE_KEY_READS: usize = 8;
/// Endpoints that the usage page lists.
pub const USAGE_ENDPOINTS: u32 = 10;
/// Time for which something that sends an old secret is to be looked at; before that it is only mentioned.
pub const OLD_SECRET_RECENT: Duration = Duration::from_secs(24 * 3600);
/// Endpoints of a page that lists all of them.
pub const USAGE_ENDPOINTS_PAGE: u32 = 50;
/// Endpoints that its pages and its file go through: an API has no more of them.
pub const USAGE_ENDPOINTS_MOST: u32 = 10_000;

const _: () = assert!(API_SOURCE_CONNECTIONS * 4 <= API_CONNECTIONS);
const _: () = assert!(USAGE_ENDPOINTS <= USAGE_ENDPOINTS_PAGE);
const _: () = assert!(USAGE_ENDPOINTS_MOST.is_multiple_of(USAGE_ENDPOINTS_PAGE));
const _: () = assert!(USAGE_CHART_KEYS <= USAGE_FILE_KEYS);
const _: () = assert!(USAGE_FILE_KEYS <= crate::base::page::MAX_LIMIT);
const _: () = assert!(PORTAL_LINK_TIME.as_secs() < PORTAL_IDLE.as_secs());
const _: () = assert!(PORTAL_PREVIOUS.as_secs() < PORTAL_ROTATE.as_secs());
const _: () = assert!(PORTAL_ROTATE.as_secs() < PORTAL_IDLE.as_secs());
const _: () = assert!(PORTAL_SEEN.as_secs() < PORTAL_ROTATE.as_secs());
const _: () = assert!(PORTAL_SESSION_DEFAULT.as_secs() <= PORTAL_SESSION_MOST.as_secs());
// `ps_` and 32 characters, the secret's 43, four for every three of the account's, and two dots.
const _: () = assert!(PORTAL_TICKET_CHARS > 35 + 43 + super::ACCOUNT_ID_CHARS.div_ceil(3) * 4 + 2);
