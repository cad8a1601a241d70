//! Schemas with names: a list, and the page of one; never a check of a value.

use axum::extract::Path;
use axum::response::Response;
use maud::html;

use super::Docs;
use crate::web::docs::markdown;
use crate::web::docs::ui::fields::Way;
use crate::web::docs::ui::{self, code, fields};
use crate::web::portal::refuse::PageError;

pub(super) async fn list(docs: Docs) -> Response {
    let body = html! {
        header.docs-head {
            p.eyebrow { "API reference" }
            h1 { "Schemas" }
            p.lead { "What bodies are made of, by name." }
        }
        @if docs.set.schemas.is_empty() { p { "No schema has a name." } }
        dl.schema-list {
            @for schema in &docs.set.schemas {
                div {
                    dt { (fields::schema_link(&schema.page)) }
                    dd {
                        @if let Some(said) = &schema.description { (markdown::plain(said)) }
                    }
                }
            }
        }
    };
    docs.page("Schemas", "/docs/schemas", &body)
}

pub(super) async fn schema(docs: Docs, Path(name): Path<String>) -> Result<Response, PageError> {
    let set = &docs.set;
    let (schema, mut shape) = set.schema(&name).ok_or(PageError::NotFound)?;
    // It stands above all of it.
    shape.description = None;
    let example = set.uses().example(set.document(schema.api), schema);
    let users = set.uses().operations(&name);
    let body = html! {
        article.operation {
            header.docs-head {
                p.eyebrow { a href="/docs/schemas" { "Schemas" } }
                h1 { (name) }
                @if let Some(said) = &schema.description { div.prose { (markdown::text(said)) } }
            }
            aside.samples-side aria-label="Example" {
                @if let Some(example) = &example {
                    p.sample-title { "Example" }
                    (code::json("Example", example))
                }
            }
            div.operation-text {
                section {
                    h2 #fields { @if shape.fields.is_empty() { "Value" } @else { "Fields" } }
                    (fields::body(&shape, Way::Sent))
                }
                @if !users.is_empty() {
                    section {
                        h2 #endpoints { "Endpoints" }
                        ul.endpoint-list {
                            @for o in users.iter().filter_map(|at| set.operations.get(*at)) {
                                li {
                                    (ui::method(&o.method))
                                    span.what { a href={ "/docs/api/" (o.slug) } { (o.summary) } (ui::path(&o.path)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    };
    Ok(docs.page(&name, &format!("/docs/schemas/{name}"), &body))
}
