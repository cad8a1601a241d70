//! An operation of a document as its page shows it: parameters, bodies, answers; never a call of it.

use serde_json::Value;

use super::document::{Document, flag, text};
use super::schema::{self, Field, Shape};
use crate::base::ceilings::docs::DOCS_MEDIA_TYPES;
use crate::base::media_type::is_json;
use crate::webhooks::simulator::examples;

/// What a page says of an operation, read when it is asked for.
#[derive(Debug, Default)]
pub(crate) struct Detail {
    /// Parameters, those of the path first.
    pub(crate) parameters: Vec<Parameter>,
    /// What is sent.
    pub(crate) body: Option<Body>,
    /// What comes back, in the document's order.
    pub(crate) answers: Vec<Answer>,
}

/// A parameter.
#[derive(Debug)]
pub(crate) struct Parameter {
    /// Its name.
    pub(crate) name: String,
    /// Where it stands.
    pub(crate) place: Place,
    /// Whether it must be there.
    pub(crate) is_required: bool,
    /// What it is; its description is the parameter's own.
    pub(crate) shape: Shape,
    /// Whether each value of a list is given by itself, as `a=1&a=2`, and not all of them with commas between.
    pub(crate) is_exploded: bool,
}

/// Where a parameter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// In the path.
    Path,
    /// In the query.
    Query,
    /// A header field.
    Header,
    /// A cookie.
    Cookie,
}

/// What is sent.
#[derive(Debug)]
pub(crate) struct Body {
    /// Whether it must be there.
    pub(crate) is_required: bool,
    /// Text, CommonMark.
    pub(crate) description: Option<String>,
    /// What it holds.
    pub(crate) content: Content,
    /// What it may hold instead, in other media types.
    pub(crate) others: Vec<Content>,
}

/// A body of one media type.
#[derive(Debug)]
pub(crate) struct Content {
    /// The media type.
    pub(crate) media_type: String,
    /// What it is made of.
    pub(crate) shape: Shape,
    /// Examples with what they show; one that is made of the schema where the document has none.
    pub(crate) examples: Vec<(String, Value)>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Its status as the document has it: `200`, `2XX`, `default`.
    pub(crate) status: String,
    /// Text, CommonMark.
    pub(crate) description: Option<String>,
    /// Header fields.
    pub(crate) fields: Vec<Field>,
    /// What it holds.
    pub(crate) content: Option<Content>,
    /// What it may hold instead, in other media types.
    pub(crate) others: Vec<Content>,
}

impl Answer {
    /// Whether it tells of a success.
    pub(crate) fn is_success(&self) -> bool {
        self.status.starts_with('2')
    }
}

impl Detail {
    /// Reads an operation; `item` is its path's.
    pub(crate) fn read<'d>(document: Document<'d>, item: &'d Value, operation: &'d Value) -> Self {
        let body = operation.get("requestBody").map(|b| document.resolve(b));
        Self {
            parameters: parameters(document, item, operation),
            body: body.and_then(|b| {
                let (content, others) = contents(document, b);
                Some(Body {
                    is_required: flag(b, "required"),
                    description: text(b, "description").map(str::to_owned),
                    content: content?,
                    others,
                })
            }),
            answers: document
                .members(operation, "responses")
                .map(|(status, answer)| self::answer(document, status, answer))
                .collect(),
        }
    }

    /// Has `change` look at everything that a schema says.
    pub(super) fn each_shape(&mut self, change: &mut impl FnMut(&mut Shape)) {
        for parameter in &mut self.parameters {
            change(&mut parameter.shape);
        }
        let bodies = self.body.iter_mut();
        let sent = bodies.flat_map(|b| std::iter::once(&mut b.content).chain(&mut b.others));
        for content in sent {
            change(&mut content.shape);
        }
        for answer in &mut self.answers {
            for content in answer.content.iter_mut().chain(&mut answer.others) {
                change(&mut content.shape);
            }
            for field in &mut answer.fields {
                change(&mut field.shape);
            }
        }
    }

    /// The first answer of a success.
    pub(crate) fn success(&self) -> Option<&Answer> {
        self.answers.iter().find(|a| a.is_success())
    }
}

/// Parameters of the path's item and of the operation, which replaces those of the same name and place.
fn parameters<'d>(document: Document<'d>, item: &'d Value, operation: &'d Value) -> Vec<Parameter> {
    let mut all: Vec<Parameter> = Vec::new();
    for source in [item, operation] {
        for found in Document::entries(source, "parameters") {
            let Some(parameter) = parameter(document, document.resolve(found)) else {
                continue;
            };
            all.retain(|p| (p.place, &p.name) != (parameter.place, &parameter.name));
            all.push(parameter);
        }
    }
    all.sort_by_key(|p| p.place);
    all
}

fn parameter<'d>(document: Document<'d>, parameter: &'d Value) -> Option<Parameter> {
    let place = match text(parameter, "in")? {
        "path" => Place::Path,
        "query" => Place::Query,
        "header" => Place::Header,
        "cookie" => Place::Cookie,
        _ => return None,
    };
    let mut shape = described(document, parameter);
    let explode = parameter.get("explode").and_then(Value::as_bool);
    let is_exploded = place == Place::Query && explode.unwrap_or(true);
    if shape.kind.starts_with("array") {
        let how = if is_exploded {
            "given once for each value"
        } else {
            "commas between values"
        };
        shape.rules.push(how.to_owned());
    }
    Some(Parameter {
        name: text(parameter, "name")?.to_owned(),
        place,
        is_required: place == Place::Path || flag(parameter, "required"),
        shape,
        is_exploded,
    })
}

/// What a parameter or a header field is: what its schema says, and what is said of itself.
fn described<'d>(document: Document<'d>, parameter: &'d Value) -> Shape {
    let of_content = || {
        document
            .members(parameter, "content")
            .next()?
            .1
            .get("schema")
    };
    let schema = parameter.get("schema").or_else(of_content);
    let mut shape = schema.map_or_else(Shape::default, |s| schema::read(document, s));
    if let Some(own) = text(parameter, "description") {
        shape.description = Some(own.to_owned());
    }
    let named = || {
        let (_, first) = document.members(parameter, "examples").next()?;
        document.resolve(first).get("value")
    };
    if let Some(example) = parameter.get("example").or_else(named) {
        shape.example = Some(example.clone());
    }
    shape.is_deprecated |= flag(parameter, "deprecated");
    shape
}

/// A body by its media types: JSON where it is among them, or else the first; and the others.
fn contents<'d>(document: Document<'d>, of: &'d Value) -> (Option<Content>, Vec<Content>) {
    let all = document.members(of, "content").take(DOCS_MEDIA_TYPES);
    let mut all: Vec<_> = all
        .map(|(media_type, media)| Content {
            media_type: media_type.to_owned(),
            shape: media
                .get("schema")
                .map_or_else(Shape::default, |s| schema::read(document, s)),
            examples: examples_of(document, media),
        })
        .collect();
    if all.is_empty() {
        return (None, all);
    }
    let at = all.iter().position(|c| is_json(&c.media_type)).unwrap_or(0);
    (Some(all.remove(at)), all)
}

fn examples_of<'d>(document: Document<'d>, media: &'d Value) -> Vec<(String, Value)> {
    let named: Vec<_> = document
        .members(media, "examples")
        .filter_map(|(name, example)| {
            let example = document.resolve(example);
            let title = text(example, "summary").unwrap_or(name);
            Some((title.to_owned(), example.get("value")?.clone()))
        })
        .collect();
    if !named.is_empty() {
        return named;
    }
    let one = examples::of_media(document.0, media);
    one.map(|value| vec![(String::new(), value)])
        .unwrap_or_default()
}

fn answer<'d>(document: Document<'d>, status: &str, answer: &'d Value) -> Answer {
    let answer = document.resolve(answer);
    let fields = document.members(answer, "headers").map(|(name, field)| {
        let field = document.resolve(field);
        Field {
            name: name.to_owned(),
            is_required: flag(field, "required"),
            shape: described(document, field),
        }
    });
    let (content, others) = contents(document, answer);
    Answer {
        status: status.to_owned(),
        description: text(answer, "description").map(str::to_owned),
        fields: fields.collect(),
        content,
        others,
    }
}
