//! Parameters and fields of bodies as lists: name, kind, rules, text, and what is inside; never where they come from.

use maud::{Markup, html};
use serde_json::Value;

use crate::web::docs::markdown;
use crate::web::docs::model::operation::Parameter;
use crate::web::docs::model::schema::{Field, Shape};
use crate::web::portal::ui::{Tone, badge};

/// Which way a body goes: what must be there is said to who sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// To the API.
    Sent,
    /// From it.
    Received,
}

/// Parameters.
pub(crate) fn parameters<'p>(all: impl Iterator<Item = &'p Parameter>) -> Markup {
    html! {
        ul.fields {
            @for p in all { (entry(&p.name, p.is_required, &p.shape, Way::Sent)) }
        }
    }
}

/// What a body is made of: its fields, or what it is itself.
pub(crate) fn body(shape: &Shape, way: Way) -> Markup {
    html! {
        @if shape.fields.is_empty() && shape.options.is_empty() {
            ul.fields { (entry("body", false, shape, way)) }
        } @else {
            (inside(shape, way))
        }
    }
}

/// The fields of an answer behind a word: there are often many, and its example stands beside them.
pub(crate) fn folded(shape: &Shape) -> Markup {
    html! {
        @if shape.fields.is_empty() && shape.options.is_empty() {
            (body(shape, Way::Received))
        } @else {
            details.folded {
                summary { (summary(shape)) }
                (inside(shape, Way::Received))
            }
        }
    }
}

/// A link to the page of a schema.
pub(crate) fn schema_link(name: &str) -> Markup {
    html! { a.schema href={ "/docs/schemas/" (name) } { (name) } }
}

fn entry(name: &str, is_required: bool, shape: &Shape, way: Way) -> Markup {
    html! {
        li {
            p.field-head {
                code.name { (name) }
                " "
                (kind(shape))
                @if is_required && way == Way::Sent { " " (badge(Tone::Warn, "required")) }
                @if shape.is_deprecated { " " (badge(Tone::Bad, "deprecated")) }
                @if let Some(direction) = shape.direction { " " (badge(Tone::Neutral, direction)) }
            }
            @if let Some(text) = &shape.description { div.field-text { (markdown::text(text)) } }
            (rules(shape))
            @if !(shape.fields.is_empty() && shape.options.is_empty()) {
                details {
                    summary { (summary(shape)) }
                    (inside(shape, way))
                }
            }
        }
    }
}

/// The kind with a link to the schema's page, and whether null is taken.
fn kind(shape: &Shape) -> Markup {
    html! {
        span.kind {
            (shape.kind)
            @if shape.is_nullable { " or null" }
            @if let Some(name) = &shape.name { " · " (schema_link(name)) }
        }
    }
}

fn rules(shape: &Shape) -> Markup {
    html! {
        @if !shape.rules.is_empty() || shape.default.is_some() {
            p.rules {
                @for (n, rule) in shape.rules.iter().enumerate() {
                    @if n > 0 { " · " }
                    @match rule.split_once("matches ") {
                        Some((before, pattern)) => { (before) "matches " code { (pattern) } },
                        None => (rule),
                    }
                }
                @if let Some(default) = &shape.default {
                    @if !shape.rules.is_empty() { " · " }
                    "default " code { (value(default)) }
                }
            }
        }
        @if !shape.values.is_empty() {
            p.values {
                @if shape.values.len() == 1 { "Always " } @else { "One of " }
                @for (n, v) in shape.values.iter().enumerate() {
                    @if n > 0 { ", " }
                    code { (value(v)) }
                }
            }
        }
    }
}

fn inside(shape: &Shape, way: Way) -> Markup {
    html! {
        @if !shape.fields.is_empty() {
            ul.fields {
                @for Field { name, is_required, shape } in &shape.fields {
                    (entry(name, *is_required, shape, way))
                }
            }
        }
        @if !shape.options.is_empty() {
            @for (n, option) in shape.options.iter().enumerate() {
                div.option {
                    p.option-title { @if n > 0 { "or " } (kind(option)) }
                    @if let Some(text) = &option.description { (markdown::text(text)) }
                    (rules(option))
                    (inside(option, way))
                }
            }
        }
        @if shape.is_cut {
            p.rules { "More of it is on the schema's own page." }
        }
    }
}

fn summary(shape: &Shape) -> String {
    let count = |n: usize, one: &str| {
        if n == 1 {
            format!("1 {one}")
        } else {
            format!("{n} {one}s")
        }
    };
    if shape.fields.is_empty() {
        count(shape.options.len(), "kind")
    } else if shape.kind.starts_with("array") {
        format!("{} of each", count(shape.fields.len(), "field"))
    } else {
        count(shape.fields.len(), "field")
    }
}

/// A value without the quotation marks that JSON has around a string.
fn value(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
