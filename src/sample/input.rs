//! A request's JSON body, read field by field so that all that is wrong is told at once; never the rules between fields.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use serde_json::{Map, Value};

use crate::base::clock::Timestamp;
use crate::base::media_type::says_json;

use super::choice::Choice;
use super::error::{ApiError, FieldError};

/// What a body says of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Field<T> {
    /// Nothing: a PATCH leaves it as it is.
    Absent,
    /// `null`: cleared.
    Null,
    /// A value.
    Set(T),
}

impl<T> Field<T> {
    /// The value, where there is one.
    pub(super) fn value(self) -> Option<T> {
        match self {
            Self::Set(v) => Some(v),
            Self::Absent | Self::Null => None,
        }
    }

    /// Changes `slot` as a PATCH does.
    pub(super) fn apply(self, slot: &mut Option<T>) {
        match self {
            Self::Absent => {}
            Self::Null => *slot = None,
            Self::Set(v) => *slot = Some(v),
        }
    }

    /// Changes a slot that is never empty; `null` was refused when the field was read.
    pub(super) fn replace(self, slot: &mut T) {
        if let Self::Set(v) = self {
            *slot = v;
        }
    }
}

/// A JSON object that is being read. Each reader takes its field away; what is left at the end is unknown and refused.
#[derive(Debug, Default)]
pub(super) struct Fields {
    path: String,
    map: Map<String, Value>,
    errors: Vec<FieldError>,
}

impl Fields {
    fn of(path: String, map: Map<String, Value>) -> Self {
        Self {
            path,
            map,
            errors: Vec::new(),
        }
    }

    /// Notes that `field` is not as it should be.
    pub(super) fn refuse(&mut self, field: &str, message: impl Into<String>) {
        self.errors.push(FieldError {
            field: format!("{}{field}", self.path),
            message: message.into(),
        });
    }

    fn read<T>(&mut self, name: &str, parse: impl FnOnce(&Value) -> Result<T, String>) -> Field<T> {
        match self.map.shift_remove(name) {
            None => Field::Absent,
            Some(Value::Null) => Field::Null,
            Some(value) => match parse(&value) {
                Ok(v) => Field::Set(v),
                Err(message) => {
                    self.refuse(name, message);
                    Field::Absent
                }
            },
        }
    }

    /// Refuses `null` for a field that cannot be empty.
    pub(super) fn not_null<T>(&mut self, name: &str, field: Field<T>) -> Field<T> {
        if matches!(field, Field::Null) {
            self.refuse(name, "must not be null");
        }
        field
    }

    /// The value of a field that must be there.
    pub(super) fn required<T>(&mut self, name: &str, field: Field<T>) -> Option<T> {
        let wrong = self.errors.iter().any(|e| e.field.ends_with(name));
        if matches!(field, Field::Null) || (matches!(field, Field::Absent) && !wrong) {
            self.refuse(name, "is required");
        }
        field.value()
    }

    /// Text of 1 to `most` characters, trimmed.
    pub(super) fn text(&mut self, name: &str, most: usize) -> Field<String> {
        self.read(name, |v| text(v, most))
    }

    /// An email address, in lower case.
    pub(super) fn email(&mut self, name: &str) -> Field<String> {
        self.read(name, |v| {
            let address = text(v, 254)?.to_ascii_lowercase();
            if is_email(&address) {
                Ok(address)
            } else {
                Err("must be an email address such as ada@example.com".to_owned())
            }
        })
    }

    /// One of a few words.
    pub(super) fn choice<T: Choice>(&mut self, name: &str) -> Field<T> {
        self.read(name, |v| T::parse(v.as_str().unwrap_or_default()))
    }

    /// A whole number from 0 to `most`.
    pub(super) fn number(&mut self, name: &str, most: u64) -> Field<u64> {
        self.read(name, |v| {
            v.as_u64()
                .filter(|n| *n <= most)
                .ok_or_else(|| format!("must be a whole number from 0 to {most}"))
        })
    }

    /// True or false.
    pub(super) fn boolean(&mut self, name: &str) -> Field<bool> {
        self.read(name, |v| {
            v.as_bool()
                .ok_or_else(|| "must be true or false".to_owned())
        })
    }

    /// An ISO 4217 code: three capital letters.
    pub(super) fn currency(&mut self, name: &str) -> Field<String> {
        self.read(name, |v| {
            v.as_str()
                .filter(|c| c.len() == 3 && c.bytes().all(|b| b.is_ascii_uppercase()))
                .map(str::to_owned)
                .ok_or_else(|| "must be an ISO 4217 code such as EUR".to_owned())
        })
    }

    /// A calendar date.
    pub(super) fn date(&mut self, name: &str) -> Field<String> {
        self.read(name, |v| {
            v.as_str()
                .filter(|d| d.len() == 10)
                .and_then(|d| d.parse::<jiff::civil::Date>().ok())
                .map(|d| d.to_string())
                .ok_or_else(|| "must be a date such as 2026-12-31".to_owned())
        })
    }

    /// An instant.
    pub(super) fn instant(&mut self, name: &str) -> Field<Timestamp> {
        self.read(name, |v| Timestamp::parse(v.as_str().unwrap_or_default()))
    }

    /// At most `most` different words of up to 50 characters.
    pub(super) fn words(&mut self, name: &str, most: usize) -> Field<Vec<String>> {
        self.read(name, |v| {
            let items = v.as_array().ok_or("must be an array of strings")?;
            if items.len() > most {
                return Err(format!("must have at most {most} entries"));
            }
            let mut words: Vec<String> = Vec::with_capacity(items.len());
            for item in items {
                let word = text(item, 50).map_err(|m| format!("each entry {m}"))?;
                if !words.contains(&word) {
                    words.push(word);
                }
            }
            Ok(words)
        })
    }

    /// An array of 1 to `most` objects, each read by `parse`.
    pub(super) fn objects<T>(
        &mut self,
        name: &str,
        most: usize,
        parse: impl Fn(&mut Fields) -> Option<T>,
    ) -> Field<Vec<T>> {
        let prefix = format!("{}{name}", self.path);
        let mut inner = Vec::new();
        let result = self.read(name, |v| {
            let items = v.as_array().filter(|a| (1..=most).contains(&a.len()));
            let items = items.ok_or_else(|| format!("must be an array of 1 to {most} objects"))?;
            let mut parsed = Vec::with_capacity(items.len());
            for (i, item) in items.iter().enumerate() {
                let map = item.as_object().ok_or("must hold objects only")?;
                let mut fields = Fields::of(format!("{prefix}[{i}]."), map.clone());
                parsed.extend(parse(&mut fields));
                inner.extend(fields.into_errors());
            }
            Ok(parsed)
        });
        self.errors.extend(inner);
        result
    }

    fn into_errors(mut self) -> Vec<FieldError> {
        let unknown: Vec<String> = self.map.keys().cloned().collect();
        for name in unknown {
            // What a client sends is cut before it is sent back.
            let shown: String = name.chars().take(50).collect();
            self.refuse(&shown, "is not a field that can be set");
        }
        self.errors
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// Everything that was refused on the way, and every field that nobody asked for.
    pub(super) fn finish(self) -> Result<(), ApiError> {
        let errors = self.into_errors();
        if errors.is_empty() {
            Ok(())
        } else {
            Err(ApiError::invalid(errors))
        }
    }
}

fn text(value: &Value, most: usize) -> Result<String, String> {
    let trimmed = value.as_str().ok_or("must be a string")?.trim();
    let fits = (1..=most).contains(&trimmed.chars().count());
    let clean = !trimmed
        .chars()
        .any(|c| c.is_control() && !"\n\t\r".contains(c));
    match (fits, clean) {
        (true, true) => Ok(trimmed.to_owned()),
        (false, _) => Err(format!("must have 1 to {most} characters")),
        (_, false) => Err("must not hold control characters".to_owned()),
    }
}

/// Whether `address` looks like one: a local part, one `@`, and a domain with a dot. More is for the mail server to say.
fn is_email(address: &str) -> bool {
    let Some((local, domain)) = address.split_once('@') else {
        return false;
    };
    let plain = |s: &str| {
        s.bytes()
            .all(|b| b.is_ascii_graphic() && !b"@,;<>()".contains(&b))
    };
    let labels = || domain.split('.');
    (1..=64).contains(&local.len())
        && plain(local)
        && plain(domain)
        && labels().count() >= 2
        && labels().all(|l| !l.is_empty())
}

/// A JSON object that must be there.
pub(super) struct Body(pub(super) Fields);

/// A JSON object that may be left out.
pub(super) struct OptionalBody(pub(super) Fields);

async fn read(request: Request, optional: bool) -> Result<Fields, ApiError> {
    let typed = request.headers().contains_key(CONTENT_TYPE);
    let json = says_json(request.headers());
    if typed && !json {
        return Err(ApiError::media_type());
    }
    let bytes = Bytes::from_request(request, &()).await.map_err(|e| {
        if e.status() == StatusCode::PAYLOAD_TOO_LARGE {
            ApiError::too_large()
        } else {
            ApiError::bad_json("The body could not be read to its end.")
        }
    })?;
    if bytes.is_empty() && optional {
        return Ok(Fields::default());
    }
    if !json {
        return Err(ApiError::media_type());
    }
    let value: Value = serde_json::from_slice(&bytes)
        .map_err(|e| ApiError::bad_json(format!("The body is not valid JSON: {e}.")))?;
    match value {
        Value::Object(map) => Ok(Fields::of(String::new(), map)),
        _ => Err(ApiError::bad_json("The body must be a JSON object.")),
    }
}

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        read(request, false).await.map(Self)
    }
}

impl<S: Send + Sync> FromRequest<S> for OptionalBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        read(request, true).await.map(Self)
    }
}
