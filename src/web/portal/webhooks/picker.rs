//! The part of a webhook's form where event types are chosen; never what becomes of the choice.

use maud::{Markup, html};

use super::choice::{ACCOUNT_NOTICES, Group, groups};
use crate::config::model::Config;
use crate::webhooks::simulator::describe::{TypeDoc, describe};

/// Boxes for everything, for each group and for each type. `chosen` are ticked.
pub(super) fn picker(config: &Config, chosen: &[String], error: Option<&str>) -> Markup {
    let is_chosen = |value: &str| chosen.iter().any(|c| c == value);
    let groups = groups(config);
    let described = error.map(|_| "e-event_types");
    html! {
        fieldset.field.picker #f-event_types tabindex="-1" data-types aria-describedby=[described] {
            legend { "Events" }
            @if let Some(error) = error {
                p.error #e-event_types { (error) }
            }
            div {
                label.choice.is-all {
                    input type="checkbox" name="type" value="*" checked[is_chosen("*")];
                    div { "All events" p.hint { "Those of today, and every type that comes later." } }
                }
            }
            @for group in &groups {
                (one_group(group, &is_chosen))
            }
            @if !ACCOUNT_NOTICES.is_empty() {
                div.group {
                    h3 { "About your account" }
                    p.hint { "Only sent where they are chosen here by name." }
                    div.members {
                        @for event_type in ACCOUNT_NOTICES {
                            (one_type(&describe(config, event_type), is_chosen(event_type), true))
                        }
                    }
                }
            }
            // Left over from an earlier configuration: seen, so that it can be taken away.
            @for other in chosen.iter().filter(|c| !is_known(&groups, c)) {
                div.group {
                    label.choice {
                        input type="checkbox" name="type" value=(other) checked;
                        div { code { (other) } p.hint { "No such events are made any more." } }
                    }
                }
            }
            p.muted.small.count data-types-count role="status" {}
        }
    }
}

fn is_known(groups: &[Group], value: &str) -> bool {
    value == "*"
        || ACCOUNT_NOTICES.contains(&value)
        || groups.iter().any(|g| {
            g.pattern.as_deref() == Some(value) || g.types.iter().any(|t| t.event_type == value)
        })
}

fn one_group(group: &Group, is_chosen: &dyn Fn(&str) -> bool) -> Markup {
    html! {
        div.group {
            @if let Some(pattern) = &group.pattern {
                label.choice.is-group {
                    input type="checkbox" name="type" value=(pattern) checked[is_chosen(pattern)];
                    div { "All " (group.word) " events " code { (pattern) } }
                }
            } @else {
                h3 { "Other events" }
            }
            div.members {
                @for doc in &group.types { (one_type(doc, is_chosen(&doc.event_type), false)) }
            }
        }
    }
}

fn one_type(doc: &TypeDoc, is_chosen: bool, by_name: bool) -> Markup {
    html! {
        label.choice {
            input type="checkbox" name="type" value=(doc.event_type) checked[is_chosen] data-by-name[by_name];
            div { code { (doc.event_type) } p.hint { (doc.summary) } }
        }
    }
}
