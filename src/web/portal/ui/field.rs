//! Fields of forms: each with a label, a hint and what is wrong tied to it; never what they mean.

use maud::{Markup, html};

/// A field of text, or a choice by name.
#[derive(Debug, Clone, Copy, Default)]
pub struct Field<'a> {
    /// Its name in the form; `f-<name>` is its id.
    pub name: &'a str,
    /// What it is called.
    pub label: &'a str,
    /// More about it.
    pub hint: Option<&'a str>,
    /// What is wrong with what was said.
    pub error: Option<&'a str>,
    /// What was said.
    pub value: &'a str,
    /// The type of an `input`; `text` where it is empty.
    pub kind: &'a str,
    /// Most characters; 0 for any number.
    pub most: usize,
    /// Whether it must be filled in.
    pub is_required: bool,
    /// Whether it holds code or an address, in letters of one width.
    pub is_mono: bool,
}

impl Field<'_> {
    fn described(&self) -> Option<String> {
        let mut ids = Vec::new();
        if self.hint.is_some() {
            ids.push(format!("h-{}", self.name));
        }
        if self.error.is_some() {
            ids.push(format!("e-{}", self.name));
        }
        (!ids.is_empty()).then(|| ids.join(" "))
    }

    fn around(&self, input: &Markup) -> Markup {
        html! {
            div.field {
                label for={ "f-" (self.name) } {
                    (self.label)
                    @if !self.is_required { span.optional { " optional" } }
                }
                (hint(self.name, self.hint))
                (input)
                (error(self.name, self.error))
            }
        }
    }

    fn class(&self) -> Option<&'static str> {
        self.is_mono.then_some("mono")
    }
}

fn hint(name: &str, text: Option<&str>) -> Markup {
    html! { @if let Some(text) = text { p.hint id={ "h-" (name) } { (text) } } }
}

fn error(name: &str, text: Option<&str>) -> Markup {
    html! { @if let Some(text) = text { p.error id={ "e-" (name) } { (text) } } }
}

/// One line of text.
pub fn field(f: &Field<'_>) -> Markup {
    let kind = if f.kind.is_empty() { "text" } else { f.kind };
    let most = (f.most > 0).then_some(f.most);
    f.around(&html! {
        input type=(kind) id={ "f-" (f.name) } name=(f.name) value=(f.value) class=[f.class()]
            maxlength=[most] required[f.is_required] autocomplete="off" spellcheck="false"
            aria-describedby=[f.described()] aria-invalid=[f.error.map(|_| "true")];
    })
}

/// Several lines of text.
pub fn text_area(f: &Field<'_>, rows: u32) -> Markup {
    let most = (f.most > 0).then_some(f.most);
    f.around(&html! {
        // A line break right after the tag is no part of the text: one stands there, so that one of the text's own stays.
        textarea id={ "f-" (f.name) } name=(f.name) rows=(rows) class=[f.class()]
            maxlength=[most] required[f.is_required] autocomplete="off" spellcheck="false"
            aria-describedby=[f.described()] aria-invalid=[f.error.map(|_| "true")] { "\n" (f.value) }
    })
}

/// One of several.
#[derive(Debug, Clone, Copy, Default)]
pub struct Choice<'a> {
    /// Its value in the form.
    pub value: &'a str,
    /// What it is called.
    pub label: &'a str,
    /// More about it.
    pub hint: Option<&'a str>,
    /// Whether it is chosen.
    pub is_chosen: bool,
}

/// One of a list that opens.
pub fn select(f: &Field<'_>, choices: &[Choice<'_>]) -> Markup {
    f.around(&html! {
        select id={ "f-" (f.name) } name=(f.name) required[f.is_required]
            aria-describedby=[f.described()] aria-invalid=[f.error.map(|_| "true")] {
            @for c in choices {
                option value=(c.value) selected[c.is_chosen] { (c.label) }
            }
        }
    })
}

/// One of several that are all seen.
pub fn radios(f: &Field<'_>, choices: &[Choice<'_>]) -> Markup {
    group(f, "radio", choices)
}

/// Any of several.
pub fn checks(f: &Field<'_>, choices: &[Choice<'_>]) -> Markup {
    group(f, "checkbox", choices)
}

fn group(f: &Field<'_>, kind: &str, choices: &[Choice<'_>]) -> Markup {
    html! {
        fieldset.field.choices aria-describedby=[f.described()] {
            legend { (f.label) }
            (hint(f.name, f.hint))
            (error(f.name, f.error))
            @for (n, c) in choices.iter().enumerate() {
                @let id = if n == 0 { format!("f-{}", f.name) } else { format!("f-{}-{n}", f.name) };
                div.choice {
                    input type=(kind) id=(id) name=(f.name) value=(c.value) checked[c.is_chosen]
                        required[f.is_required && kind == "radio"]
                        aria-describedby=[c.hint.map(|_| format!("h-{id}"))];
                    div {
                        label for=(id) { (c.label) }
                        @if let Some(hint) = c.hint { p.hint id={ "h-" (id) } { (hint) } }
                    }
                }
            }
        }
    }
}
