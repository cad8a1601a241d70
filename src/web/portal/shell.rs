//! What is around every page: head, menu, who is signed in; never what a page is about.

use maud::{DOCTYPE, Markup, html};

use super::alerts::banner;
use super::answer::PageAnswer;
use super::guard::Visit;
use super::own::Own;
use super::ui::{self, Icon, Tone};
use super::{assets, table};
use crate::config::model::Config;
use crate::portal::csrf;
use crate::portal::model::{Role, Session};

/// Where in the menu a page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The overview.
    Overview,
    /// Keys.
    Keys,
    /// Usage.
    Usage,
    /// Alerts.
    Alerts,
    /// Webhooks.
    Webhooks,
    /// Deliveries and events.
    Deliveries,
    /// The simulator.
    Simulator,
    /// Documentation.
    Docs,
    /// Nowhere.
    Nowhere,
}

/// The menu: place, path, name, icon, and whether it is for everybody.
const MENU: [(Place, &str, &str, Icon, bool); 8] = [
    (Place::Overview, "/", "Overview", Icon::Home, false),
    (Place::Keys, "/keys", "API keys", Icon::Key, false),
    (Place::Usage, "/usage", "Usage", Icon::Chart, false),
    (Place::Alerts, "/alerts", "Alerts", Icon::Bell, false),
    (Place::Webhooks, "/webhooks", "Webhooks", Icon::Hook, false),
    (
        Place::Deliveries,
        "/deliveries",
        "Deliveries",
        Icon::Send,
        false,
    ),
    (
        Place::Simulator,
        "/webhook-simulator",
        "Simulator",
        Icon::Play,
        false,
    ),
    (Place::Docs, "/docs", "Documentation", Icon::Book, true),
];

/// A page for who is signed in.
pub fn page(own: &Own, title: &str, at: Place, body: Markup) -> PageAnswer {
    public(own.config(), Some(&own.visit), title, at, body)
}

/// A page for everybody; whoever is signed in sees the banner of their account.
pub fn public(
    config: &Config,
    visit: Option<&Visit>,
    title: &str,
    at: Place,
    body: Markup,
) -> PageAnswer {
    let session = visit.map(|v| &*v.session);
    let body = html! {
        @if let Some(visit) = visit { (banner(visit.banner.as_ref(), visit.now)) }
        (body)
    };
    PageAnswer::html(markup(config, session, title, at, &body))
}

/// The whole document.
pub(super) fn markup(
    config: &Config,
    session: Option<&Session>,
    title: &str,
    at: Place,
    body: &Markup,
) -> Markup {
    let name = &config.portal.title;
    let class = if at == Place::Docs { "docs" } else { "" };
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · " (name) }
                link rel="icon" href="/favicon.svg" type="image/svg+xml";
                link rel="preload" href=(assets::url("inter.woff2")) as="font" type="font/woff2" crossorigin;
                link rel="stylesheet" href=(assets::url("base.css"));
                // Before anything is drawn, so that no page flashes in the other colours.
                script src=(assets::url("theme.js")) {}
                script type="module" src=(assets::url("copy.mjs")) {}
                script type="module" src=(assets::url("time.mjs")) {}
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                div.frame {
                    header.side {
                        (brand(name))
                        (menu("Menu", config, session, at))
                    }
                    header.top {
                        (brand(name))
                        details.menu {
                            summary { (ui::icon(Icon::Menu)) "Menu" }
                            (menu("Menu", config, session, at))
                        }
                    }
                    main #main class=(class) tabindex="-1" { (body) }
                }
            }
        }
    }
}

fn brand(name: &str) -> Markup {
    html! { a.brand href="/" { (ui::icon(Icon::Mark)) span { (name) } } }
}

fn menu(label: &str, config: &Config, session: Option<&Session>, at: Place) -> Markup {
    html! {
        @if let Some(session) = session {
            p.account { span.hidden { "Account " } code { (session.account_id) } }
        }
        nav aria-label=(label) {
            ul {
                @for (place, path, name, icon, is_public) in MENU {
                    @if (is_public || session.is_some()) && table::has(path) {
                        li {
                            a href=(path) aria-current=[(place == at).then_some("page")] { (ui::icon(icon)) (name) }
                        }
                    }
                }
            }
        }
        div.foot {
            button.quiet.theme type="button" hidden data-theme-button {
                (ui::icon(Icon::Theme)) span data-theme-text { "Theme: system" }
            }
            @match session {
                Some(session) => (who(config, session)),
                None => p { a.button href="/sign-in" { "Sign in" } },
            }
        }
    }
}

fn who(config: &Config, session: &Session) -> Markup {
    let csrf = csrf::token(&config.keys.peppers, &session.id);
    let role = match session.role {
        Role::Developer => ui::badge(Tone::Info, "Developer"),
        Role::Viewer => ui::badge(Tone::Neutral, "Viewer"),
    };
    html! {
        div.who {
            a href="/session" title=(session.person.shown()) { (session.person.shown()) }
            (role)
        }
        (ui::form(&csrf, "/sign-out", &html! {
            button.quiet type="submit" { (ui::icon(Icon::Out)) "Sign out" }
        }))
    }
}
