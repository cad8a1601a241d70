//! Bounds of the documentation that is made of OpenAPI documents and guides; never those of the API itself.
