//! The table of pages: method, path, and who may ask for each; never how one is made.

use http::Method;

use super::{alerts, api, assets, home, keys, sign_in, simulator, usage, webhooks};
use crate::web::docs;

/// Who may ask for a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Everybody, and it is the same for everybody: no session is looked for.
    Nothing,
    /// Everybody; who is signed in sees so.
    Nobody,
    /// Whoever is signed in.
    Viewer,
    /// Whoever is signed in as a developer.
    Developer,
}

/// One page, or what a form does.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// Its method; `*` for every one.
    pub method: &'static str,
    /// Its path template.
    pub path: &'static str,
    /// Who may ask for it.
    pub needs: Needs,
    /// Path and query by which tests open it, with `{key}`, `{webhook}`, … to be filled in; `None` where they do not.
    pub sample: Option<&'static str>,
}

/// A page that tests open.
pub(in crate::web) const fn page(path: &'static str, needs: Needs, sample: &'static str) -> Page {
    Page {
        method: "GET",
        path,
        needs,
        sample: Some(sample),
    }
}

/// What is asked for with `method` and not opened as a page.
pub(in crate::web) const fn other(method: &'static str, path: &'static str, needs: Needs) -> Page {
    Page {
        method,
        path,
        needs,
        sample: None,
    }
}

/// What a form is sent to.
pub(in crate::web) const fn form(path: &'static str, needs: Needs) -> Page {
    other("POST", path, needs)
}

/// Every page, by folder. One that is not here is not found, whatever the router knows.
pub const PAGES: &[&[Page]] = &[
    assets::PAGES,
    sign_in::PAGES,
    home::PAGES,
    keys::PAGES,
    usage::PAGES,
    alerts::PAGES,
    webhooks::PAGES,
    simulator::PAGES,
    docs::PAGES,
    api::PAGES,
];

/// All of them.
pub fn all() -> impl Iterator<Item = &'static Page> {
    PAGES.iter().copied().flatten()
}

/// What the table says about a request that the router has a path for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Looked {
    /// A page.
    Page(&'static str, Needs),
    /// The path is known, for these methods.
    OtherMethods(Vec<&'static str>),
    /// The path is not in the table.
    Unknown,
}

/// Looks up a method on a path template. HEAD is GET without a body.
pub fn look_up(method: &Method, path: &str) -> Looked {
    let method = match method.as_str() {
        "HEAD" => "GET",
        other => other,
    };
    let mut methods = Vec::new();
    for page in all().filter(|p| p.path == path) {
        if page.method == method || page.method == "*" {
            return Looked::Page(page.path, page.needs);
        }
        methods.push(page.method);
    }
    if methods.is_empty() {
        Looked::Unknown
    } else {
        Looked::OtherMethods(methods)
    }
}

/// Whether there is such a page: the menu shows no other.
pub fn has(path: &str) -> bool {
    all().any(|p| p.path == path && p.method == "GET")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_found_by_method_and_template() {
        let home = look_up(&Method::GET, "/");
        assert_eq!(home, Looked::Page("/", Needs::Viewer));
        assert_eq!(look_up(&Method::HEAD, "/"), home);
        let get = look_up(&Method::GET, "/sign-out");
        assert_eq!(get, Looked::OtherMethods(vec!["POST"]));
        assert_eq!(look_up(&Method::GET, "/admin"), Looked::Unknown);
    }

    #[test]
    fn no_page_is_listed_twice_and_samples_are_of_their_path() {
        let mut seen = std::collections::HashSet::new();
        for page in all() {
            assert!(seen.insert((page.method, page.path)), "{page:?}");
            let Some(sample) = page.sample else { continue };
            let path = sample.split('?').next().unwrap_or_default();
            let (a, b) = (page.path.split('/'), path.split('/'));
            assert_eq!(a.clone().count(), b.clone().count(), "{page:?}");
            for (template, given) in a.zip(b) {
                assert!(template == given || template.starts_with('{'), "{page:?}");
            }
        }
    }
}
