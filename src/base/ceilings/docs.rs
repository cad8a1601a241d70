//! Bounds of the documentation that is made of OpenAPI documents and guides; never those of the API itself.

/// Local references of a document that are followed one after another.
pub const DOCS_REFERENCES: usize = 8;
/// How many schemas with pages of their own are shown one inside the other.
pub const DOCS_SCHEMA_DEPTH: usize = 8;
/// How many schemas of any kind are: a document may nest them without end and without a name.
pub const DOCS_SCHEMA_NESTING: usize = 32;
/// How often one schema is shown in one place; further on there is a link to it.
pub const DOCS_SCHEMA_REPEATS: usize = 8;
/// Schemas that are shown in one place, references followed: a short document may describe a huge body.
pub const DOCS_SCHEMA_NODES: usize = 5_000;
/// Characters of an example that stands in one line with what is said of a field.
pub const DOCS_EXAMPLE_CHARS: usize = 120;
/// Media types of one body that are shown.
pub const DOCS_MEDIA_TYPES: usize = 8;
/// Operations that have pages; further ones of the documents have none.
pub const DOCS_OPERATIONS: usize = 2_000;
/// Operations that are all in the list beside each page; of more, those of the page's own group.
pub const DOCS_NAV_OPERATIONS: usize = 200;
/// Names of fields by which one operation, schema or event is found.
pub const DOCS_SEARCH_NAMES: usize = 500;
/// Hits of a search.
pub const DOCS_SEARCH_HITS: usize = 50;
/// Characters of a query that are searched for.
pub const DOCS_SEARCH_CHARS: usize = 100;
