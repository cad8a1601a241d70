//! Bounds of the documentation that is made of OpenAPI documents and guides; never those of the API itself.

/// Local references of a document that are followed one after another.
pub const DOCS_REFERENCES: usize = 8;
/// How deep the fields of a schema are shown; deeper ones have their own pages.
pub const DOCS_SCHEMA_DEPTH: usize = 8;
/// Schemas that are shown in one place, references followed: a short document may describe a huge body.
pub const DOCS_SCHEMA_NODES: usize = 500;
/// Operations that have pages; further ones of the documents have none.
pub const DOCS_OPERATIONS: usize = 2_000;
/// Hits of a search.
pub const DOCS_SEARCH_HITS: usize = 50;
/// Characters of a query that are searched for.
pub const DOCS_SEARCH_CHARS: usize = 100;
