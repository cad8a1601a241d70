//! The cookie that a session goes by: its name, its attributes, reading and setting it; never what it proves.

use axum::response::Response;
use http::{HeaderMap, HeaderValue, header};

use crate::base::ceilings::portal::PORTAL_COOKIE_BYTES;
use crate::base::clock::Timestamp;
use crate::base::secret::Secret;
use crate::config::model::Config;
use crate::portal::model::Session;
use crate::web::portal::answer::PageAnswer;
use crate::web::portal::guard::Guest;

/// Its name where the portal is reached by TLS: browsers take it only with Secure, for this host and all of it.
const SECURE: &str = "__Host-fuelgate-portal";
/// Its name on plain HTTP, where browsers refuse the other.
const PLAIN: &str = "fuelgate-portal";

fn is_secure(config: &Config) -> bool {
    config.portal.public_url.starts_with("https:")
}

fn name(config: &Config) -> &'static str {
    if is_secure(config) { SECURE } else { PLAIN }
}

/// The cookie's text, where the request has it.
pub(in crate::web::portal) fn read<'h>(config: &Config, headers: &'h HeaderMap) -> Option<&'h str> {
    let name = name(config);
    let mut left = PORTAL_COOKIE_BYTES;
    for field in headers.get_all(header::COOKIE) {
        left = left.checked_sub(field.len())?;
        let Ok(text) = field.to_str() else { continue };
        let mut pairs = text.split(';').filter_map(|p| p.trim().split_once('='));
        if let Some((_, value)) = pairs.find(|(n, _)| *n == name) {
            return Some(value);
        }
    }
    None
}

/// Sets it for as long as the session lasts. Lax, since people come by a redirect of the backend's, on another site.
fn set(config: &Config, session: &Session, text: &Secret, now: Timestamp) -> Option<HeaderValue> {
    let seconds = session.left(now).as_secs();
    field(config, text.expose(), seconds)
}

fn field(config: &Config, value: &str, seconds: u64) -> Option<HeaderValue> {
    let secure = if is_secure(config) { "; Secure" } else { "" };
    let text = format!(
        "{}={value}; HttpOnly{secure}; SameSite=Lax; Path=/; Max-Age={seconds}",
        name(config)
    );
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// An answer that signs in.
pub(super) fn signed_in(
    answer: PageAnswer,
    config: &Config,
    session: &Session,
    text: &Secret,
    now: Timestamp,
) -> PageAnswer {
    match set(config, session, text, now) {
        Some(value) => answer.with(header::SET_COOKIE, value),
        None => answer,
    }
}

/// An answer that signs out.
pub(super) fn signed_out(answer: PageAnswer, config: &Config) -> PageAnswer {
    match field(config, "", 0) {
        Some(value) => answer.with(header::SET_COOKIE, value),
        None => answer,
    }
}

/// Gives the cookie of whoever is signed in another secret, unless the answer sets or ends it.
pub(in crate::web::portal) fn renew(guest: &Guest, text: &Secret, response: &mut Response) {
    if response.headers().contains_key(header::SET_COOKIE) {
        return;
    }
    let Some(session) = guest.session() else {
        return;
    };
    if let Some(value) = set(&guest.config, session, text, guest.now) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
}
