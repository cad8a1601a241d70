//! Every page in a real browser, light and dark, wide and narrow: no fault, nothing blocked, no foreign origin, nothing axe finds serious.

use fuelgate::web::portal::table::{Needs, all};
use serde_json::{Value, json};

use super::things::{Texts, Things};
use crate::support::backend::Backend;
use crate::support::browser;
use crate::support::portal::Portal;

/// The pages that somebody signed in, or nobody, may open, with a name for the picture of each.
fn pages(fill: &dyn Fn(&str) -> Option<String>, signed_in: bool) -> Vec<Value> {
    let samples = all().filter_map(|page| {
        let is_public = matches!(page.needs, Needs::Nobody | Needs::Nothing);
        let path = fill(page.sample.filter(|_| signed_in || is_public)?)?;
        let name = page.path.trim_matches('/').replace(['/', '{', '}'], "-");
        let name = if name.is_empty() { "overview" } else { &name };
        Some(json!({"name": format!("{name}{}", if signed_in { "" } else { "-public" }), "path": path}))
    });
    samples.collect()
}

pub(super) fn walk(portal: &Portal, cookie: Option<&str>, pages: &[Value]) {
    let input =
        json!({"origin": portal.url, "cookie": cookie, "pages": pages, "shots": browser::shots()});
    let wrong = browser::run("walk", &input);
    assert_eq!(wrong, json!([]), "{wrong:#}");
}

#[test]
fn every_page_is_whole_in_light_and_dark_wide_and_narrow() {
    let portal = Portal::start();
    let receiver = Backend::ok();
    let url = format!("http://{}/hook", receiver.address);
    let things = Things::make(&portal, "acct_walk", &url, &Texts::default());
    let visitor = portal.signed_in("acct_walk", "developer");
    let fill = |sample: &str| (sample != "/sign-in").then(|| things.fill(sample));
    walk(&portal, visitor.cookie.as_deref(), &pages(&fill, true));
    // Those that are for everybody look otherwise to a stranger.
    let fill = |sample: &str| Some(sample.to_owned());
    walk(&portal, None, &pages(&fill, false));
}
