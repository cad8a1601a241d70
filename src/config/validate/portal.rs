//! Checks the portal: its listener, its addresses for the public, and who may open it unasked; never opens a socket.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::Check;
use super::listen::parts;
use super::words::{under, web_url};
use crate::base::ids;
use crate::config::file::{ConfigFile, PortalFile};
use crate::config::model::{Listener, Portal};
use crate::config::tree::{Step, steps};

const DEFAULT_PUBLIC_URL: &str = "http://127.0.0.1:8081";
const DEFAULT_TITLE: &str = "Developers";
/// Characters of the title: more would not fit beside the menu of a telephone.
const TITLE_CHARS: usize = 60;

/// The portal. Without one, problem types still need an address to point to. `listeners` are those of the API.
pub(super) fn portal(check: &mut Check<'_>, f: &ConfigFile, listeners: &[Listener]) -> Portal {
    let api = listeners.first().map_or_else(String::new, reachable);
    let Some(p) = &f.portal else {
        return Portal {
            listener: None,
            public_url: DEFAULT_PUBLIC_URL.to_owned(),
            title: DEFAULT_TITLE.to_owned(),
            api_url: api,
            sign_in_url: None,
            demo_account: None,
        };
    };
    let at = steps!["portal"];
    let listener = p
        .address
        .as_ref()
        .map(|a| parts(check, a, p.tls.as_ref(), &at));
    if listener.is_none() && p.tls.is_some() {
        check.problem(&under(&at, "tls"), "expected `address` beside it");
    }
    let public_url = public_url(check, p, listener.as_ref(), &at);
    let mut url = |name: &'static str, text: &Option<String>, query: bool| {
        let text = text.as_ref()?;
        check.ok(&under(&at, name), web_url(text, query))
    };
    let api_url = url("api_url", &p.api_url, false).unwrap_or(api);
    let sign_in_url = url("sign_in_url", &p.sign_in_url, true);
    title(check, p, &at);
    demo_account(check, p, listener.as_ref(), &at);
    Portal {
        listener,
        public_url: public_url.unwrap_or_else(|| DEFAULT_PUBLIC_URL.to_owned()),
        title: p.title.clone(),
        api_url,
        sign_in_url,
        demo_account: p.demo_account.clone(),
    }
}

fn public_url(
    check: &mut Check<'_>,
    p: &PortalFile,
    listener: Option<&Listener>,
    at: &[Step],
) -> Option<String> {
    match (&p.public_url, listener) {
        (Some(url), _) => check.ok(&under(at, "public_url"), web_url(url, false)),
        (None, Some(l)) => {
            let scheme = if l.tls.is_some() { "https" } else { "http" };
            Some(format!("{scheme}://{}", l.address))
        }
        (None, None) => {
            if !check.is_faulty(&under(at, "address")) {
                check.problem(
                    &under(at, "public_url"),
                    "missing; expected `public_url` or `address`",
                );
            }
            None
        }
    }
}

/// A listener's address as one on the same machine may call it.
fn reachable(l: &Listener) -> String {
    let scheme = if l.tls.is_some() { "https" } else { "http" };
    let ip = match l.address.ip() {
        IpAddr::V4(v4) if v4.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(v6) if v6.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    format!("{scheme}://{}", SocketAddr::new(ip, l.address.port()))
}

fn title(check: &mut Check<'_>, p: &PortalFile, at: &[Step]) {
    let chars = p.title.chars().count();
    let is_good = (1..=TITLE_CHARS).contains(&chars)
        && p.title.trim() == p.title
        && !p.title.chars().any(char::is_control);
    if !is_good {
        let message = format!("expected 1 to {TITLE_CHARS} characters without control characters");
        check.problem(&under(at, "title"), message);
    }
}

fn demo_account(check: &mut Check<'_>, p: &PortalFile, listener: Option<&Listener>, at: &[Step]) {
    let Some(account) = &p.demo_account else {
        return;
    };
    let at = under(at, "demo_account");
    if !ids::is_account_id(account) || ids::is_reserved_account(account) {
        check.problem(&at, "expected an account id such as acct_demo");
    } else if !listener.is_some_and(|l| l.address.ip().is_loopback()) {
        check.problem(
            &at,
            "expected only where `address` is a loopback address such as 127.0.0.1:8081: whoever reaches the portal may open this account",
        );
    }
}
