//! What pages are laid out with: heads, cards, tiles, tabs, steps and pairs; never what is in them.

use maud::{Markup, html};

use crate::web::portal::assets;

/// The head of a page: its title, a sentence, and what may be done there.
pub fn head(title: &str, text: Option<&str>, actions: Option<&Markup>) -> Markup {
    html! {
        header.head {
            div {
                h1 { (title) }
                @if let Some(text) = text { p.muted { (text) } }
            }
            @if let Some(actions) = actions { div.actions { (actions) } }
        }
    }
}

/// What lies above a page, from the top down: where, and what it is called.
pub fn crumbs(above: &[(&str, &str)]) -> Markup {
    html! {
        nav.crumbs aria-label="Breadcrumb" {
            @for (href, text) in above { a href=(href) { (text) } " " }
        }
    }
}

/// A part of a page.
pub fn card(title: Option<&str>, body: &Markup) -> Markup {
    html! {
        section.card {
            @if let Some(title) = title { h2 { (title) } }
            (body)
        }
    }
}

/// A part of a page whose content, such as a table, goes from edge to edge. `more` stands beside the title.
pub fn card_flush(title: Option<&str>, more: Option<&Markup>, body: &Markup) -> Markup {
    html! {
        section.card.flush {
            @if title.is_some() || more.is_some() {
                div.card-head {
                    @if let Some(title) = title { h2 { (title) } }
                    @if let Some(more) = more { div { (more) } }
                }
            }
            (body)
        }
    }
}

/// One number and what it is; several stand in a `div.tiles`.
pub fn tile(label: &str, value: &Markup, note: Option<&Markup>) -> Markup {
    html! {
        div.tile {
            p.label { (label) }
            p.value { (value) }
            @if let Some(note) = note { p.note { (note) } }
        }
    }
}

/// One of several views of a page.
#[derive(Debug, Clone)]
pub struct Tab {
    /// Where it is.
    pub href: String,
    /// What it is called.
    pub label: String,
    /// Whether it is the one shown.
    pub is_current: bool,
}

/// Views of a page, to choose from. `label` says what they are of.
pub fn tabs(label: &str, all: &[Tab]) -> Markup {
    html! {
        nav.tabs aria-label=(label) {
            @for tab in all {
                a href=(tab.href) aria-current=[tab.is_current.then_some("page")] { (tab.label) }
            }
        }
    }
}

/// A step of something that takes several pages.
#[derive(Debug, Clone)]
pub struct Step {
    /// What it is called.
    pub label: &'static str,
    /// Where it is, where one may go back to it.
    pub href: Option<String>,
    /// Whether it is the one shown.
    pub is_current: bool,
    /// Whether it lies behind.
    pub is_done: bool,
}

/// The steps, in their order.
pub fn steps(all: &[Step]) -> Markup {
    html! {
        ol.steps {
            @for step in all {
                li.done[step.is_done] aria-current=[step.is_current.then_some("step")] {
                    @match &step.href {
                        Some(href) => a href=(href) { (step.label) },
                        None => span { (step.label) },
                    }
                }
            }
        }
    }
}

/// Names and what they are.
pub fn key_values(pairs: &[(&str, Markup)]) -> Markup {
    html! {
        dl.pairs {
            @for (name, value) in pairs {
                div {
                    dt { (name) }
                    dd { (value) }
                }
            }
        }
    }
}

/// Loads a module of ours on the page that it stands in.
pub fn script(name: &str) -> Markup {
    html! { script type="module" src=(assets::url(name)) {} }
}

/// Loads a style sheet of ours on the page that it stands in.
pub fn style(name: &str) -> Markup {
    html! { link rel="stylesheet" href=(assets::url(name)); }
}
