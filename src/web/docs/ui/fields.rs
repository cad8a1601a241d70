//! Parameters and fields of bodies as lists: name, kind, rules, text, and what is inside; never where they come from.

use maud::{Markup, html};
use serde_json::Value;

use crate::base::ceilings::docs::DOCS_EXAMPLE_CHARS;
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

/// What is said of whether a field is there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Presence {
    /// It has to be sent.
    Required,
    /// It comes in some answers.
    Sometimes,
    /// Nothing.
    Open,
}

impl Presence {
    const fn sent(is_required: bool) -> Self {
        if is_required {
            Self::Required
        } else {
            Self::Open
        }
    }

    /// Of a field among others: where a schema says of none that it is always there, it is not said of one that it is not.
    fn of(field: &Field, among: &[Field], way: Way) -> Self {
        match way {
            Way::Sent => Self::sent(field.is_required),
            Way::Received if field.is_required || !among.iter().any(|f| f.is_required) => {
                Self::Open
            }
            Way::Received => Self::Sometimes,
        }
    }
}

/// Parameters.
pub(crate) fn parameters<'p>(all: impl Iterator<Item = &'p Parameter>) -> Markup {
    html! {
        ul.fields {
            @for p in all { (entry(&p.name, Presence::sent(p.is_required), &p.shape, Way::Sent)) }
        }
    }
}

/// Header fields of an answer.
pub(crate) fn headers(all: &[Field]) -> Markup {
    html! {
        ul.fields {
            @for f in all { (entry(&f.name, Presence::Open, &f.shape, Way::Received)) }
        }
    }
}

/// What a body is made of: its fields, or what it is itself.
pub(crate) fn body(shape: &Shape, way: Way) -> Markup {
    html! {
        @if shape.fields.is_empty() && shape.options.is_empty() {
            ul.fields { (entry("body", Presence::Open, shape, way)) }
        } @else {
            (whole(shape))
            (inside(shape, way))
        }
    }
}

/// What holds for an object or an array as a whole.
fn whole(shape: &Shape) -> Markup {
    html! {
        @if let Some(text) = &shape.description { div.field-text { (markdown::text(text)) } }
        (rules(shape))
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
                (whole(shape))
                (inside(shape, Way::Received))
            }
        }
    }
}

/// A link to the page of a schema.
pub(crate) fn schema_link(name: &str) -> Markup {
    html! { a.schema href={ "/docs/schemas/" (name) } { (name) } }
}

fn entry(name: &str, presence: Presence, shape: &Shape, way: Way) -> Markup {
    html! {
        li {
            p.field-head {
                code.name { (name) }
                " "
                (kind(shape))
                @match presence {
                    Presence::Required => { " " (badge(Tone::Warn, "required")) },
                    Presence::Sometimes => { " " (badge(Tone::Neutral, "may be missing")) },
                    Presence::Open => {},
                }
                @if shape.is_deprecated { " " (badge(Tone::Bad, "deprecated")) }
                @if let Some(direction) = shape.direction { " " (badge(Tone::Neutral, direction)) }
            }
            (whole(shape))
            @if !(shape.fields.is_empty() && shape.options.is_empty()) {
                details {
                    summary { (summary(shape)) }
                    (inside(shape, way))
                }
            } @else if shape.is_cut { (rest(shape)) }
        }
    }
}

/// Where the rest of something is that is not shown here.
fn rest(shape: &Shape) -> Markup {
    html! {
        p.rules {
            @match &shape.name {
                Some(name) => { "What is in it is on the page of " (schema_link(name)) "." },
                None => "What is in it goes on in the OpenAPI document.",
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
    let example = shape.example.as_ref().filter(|_| shape.values.is_empty());
    let example = example.filter(|v| !v.is_object()).map(value);
    let example = example.filter(|text| text.chars().count() <= DOCS_EXAMPLE_CHARS);
    let default = shape.default.as_ref().map(value);
    let named = [("default", default), ("for example", example)];
    let named = named
        .into_iter()
        .filter_map(|(word, text)| Some((word, text?)));
    let mut parts: Vec<Markup> = shape.rules.iter().map(|r| rule(r)).collect();
    parts.extend(named.map(|(word, text)| html! { (word) " " code { (text) } }));
    html! {
        @if !parts.is_empty() {
            p.rules {
                @for (n, part) in parts.iter().enumerate() {
                    @if n > 0 { " · " }
                    (part)
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

/// A rule, with a pattern as code.
fn rule(rule: &str) -> Markup {
    html! {
        @match rule.split_once("matches ") {
            Some((before, pattern)) => { (before) "matches " code { (pattern) } },
            None => (rule),
        }
    }
}

fn inside(shape: &Shape, way: Way) -> Markup {
    html! {
        @if !shape.fields.is_empty() {
            ul.fields {
                @for field in &shape.fields {
                    (entry(&field.name, Presence::of(field, &shape.fields, way), &field.shape, way))
                }
            }
        }
        @if !shape.options.is_empty() {
            @for (n, option) in shape.options.iter().enumerate() {
                div.option {
                    p.option-title { @if n > 0 { "or " } (kind(option)) }
                    (whole(option))
                    (inside(option, way))
                }
            }
        }
        @if shape.is_cut && shape.fields.is_empty() && shape.options.is_empty() { (rest(shape)) }
    }
}

fn summary(shape: &Shape) -> String {
    if shape.fields.is_empty() {
        count(shape.options.len(), "kind")
    } else if shape.kind.starts_with("array") {
        format!("{} of each", count(shape.fields.len(), "field"))
    } else {
        count(shape.fields.len(), "field")
    }
}

/// How many of something: `1 field`, `2 fields`.
pub(crate) fn count(n: usize, one: &str) -> String {
    match n {
        1 => format!("1 {one}"),
        _ => format!("{n} {one}s"),
    }
}

/// A value without the quotation marks that JSON has around a string.
fn value(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
