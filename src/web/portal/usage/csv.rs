//! Usage as CSV of RFC 4180; never a cell that a spreadsheet would run.

use std::borrow::Cow;
use std::fmt::Write;

use crate::usage::model::UsagePoint;
use crate::web::portal::own::{Called, Span};

/// The columns of a point, in their order.
const COLUMNS: &str = "start,requests,2xx,3xx,4xx,5xx,rejected,bytes_in,bytes_out,upstream_ms";

/// Points of one key.
pub(super) struct OfKey {
    /// The key, or empty where it stands for several.
    pub(super) id: String,
    /// What its owner calls it.
    pub(super) name: String,
    /// The points by start.
    pub(super) points: Vec<UsagePoint>,
}

/// A line for each point.
pub(super) fn by_status(points: &[UsagePoint]) -> String {
    let mut text = format!("{COLUMNS}\r\n");
    for point in points {
        line(&mut text, point);
    }
    text
}

/// A line for each point of each key.
pub(super) fn by_key(keys: &[OfKey]) -> String {
    let mut text = format!("key_id,key_name,{COLUMNS}\r\n");
    for key in keys {
        let (id, name) = (cell(&key.id), cell(&key.name));
        for point in &key.points {
            let _ = write!(text, "{id},{name},");
            line(&mut text, point);
        }
    }
    text
}

/// A line for each endpoint, or for each route of one key.
pub(super) fn by_endpoint(span: Span, rows: &[Called]) -> String {
    let mut text = "from,to,method,route,requests,errors\r\n".to_owned();
    for row in rows {
        let method = cell(row.method.as_deref().unwrap_or_default());
        let errors = row.errors.map_or_else(String::new, |n| n.to_string());
        let (from, to, route, requests) = (span.from, span.to, cell(&row.route), row.requests);
        let _ = write!(text, "{from},{to},{method},{route},{requests},{errors}\r\n");
    }
    text
}

fn line(text: &mut String, point: &UsagePoint) {
    let class = |name| point.by_status.get(name).copied().unwrap_or(0);
    let _ = write!(
        text,
        "{},{},{},{},{},{},{},{},{},{}\r\n",
        point.start,
        point.requests,
        class("2xx"),
        class("3xx"),
        class("4xx"),
        class("5xx"),
        point.rejected,
        point.bytes_in,
        point.bytes_out,
        point.upstream_ms,
    );
}

/// A cell of free text. What a spreadsheet takes for a formula begins with an apostrophe, which makes it text; what has
/// a comma, a quote or a line's end stands in quotes, and quotes in it are doubled.
fn cell(text: &str) -> Cow<'_, str> {
    let runs = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    let quoted = text.contains([',', '"', '\r', '\n', '\t']);
    match (runs, quoted) {
        (false, false) => Cow::Borrowed(text),
        (true, false) => Cow::Owned(format!("'{text}")),
        (runs, true) => {
            let guard = if runs { "'" } else { "" };
            Cow::Owned(format!("\"{guard}{}\"", text.replace('"', "\"\"")))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::clock::Timestamp;

    fn point() -> UsagePoint {
        UsagePoint {
            start: Timestamp::parse("2026-11-27T14:00:00Z").unwrap(),
            requests: 12,
            rejected: 3,
            by_status: [("2xx".to_owned(), 9), ("5xx".to_owned(), 3)].into(),
            bytes_in: 100,
            bytes_out: 2_000,
            upstream_ms: 480,
        }
    }

    #[test]
    fn a_line_has_what_the_first_one_names() {
        assert_eq!(
            by_status(&[point()]),
            "start,requests,2xx,3xx,4xx,5xx,rejected,bytes_in,bytes_out,upstream_ms\r\n\
             2026-11-27T14:00:00Z,12,9,0,0,3,3,100,2000,480\r\n"
        );
    }

    #[test]
    fn a_line_of_an_endpoint_says_of_which_range_it_is_and_what_is_not_counted_is_empty() {
        let at = |text| Timestamp::parse(text).unwrap();
        let span = Span {
            from: at("2026-11-26T15:00:00Z"),
            to: at("2026-11-27T15:00:00Z"),
            granularity: crate::usage::model::Granularity::Hour,
        };
        let row = |method: Option<&str>, route: &str, errors| Called {
            method: method.map(str::to_owned),
            route: route.to_owned(),
            requests: 12,
            errors,
        };
        let rows = [
            row(Some("GET"), "/v1/x,{id}", Some(3)),
            row(Some("-GET"), "=1+1", Some(0)),
            row(None, "/v1/y", None),
        ];
        assert_eq!(
            by_endpoint(span, &rows),
            "from,to,method,route,requests,errors\r\n\
             2026-11-26T15:00:00Z,2026-11-27T15:00:00Z,GET,\"/v1/x,{id}\",12,3\r\n\
             2026-11-26T15:00:00Z,2026-11-27T15:00:00Z,'-GET,'=1+1,12,0\r\n\
             2026-11-26T15:00:00Z,2026-11-27T15:00:00Z,,/v1/y,12,\r\n"
        );
    }

    #[test]
    fn keys_come_first_and_their_names_run_nothing() {
        let key = |name: &str| OfKey {
            id: "key_1".to_owned(),
            name: name.to_owned(),
            points: vec![point()],
        };
        let text = by_key(&[
            key("Import, nightly"),
            key("=HYPERLINK(\"http://evil\")"),
            key("-2+3"),
        ]);
        let names: Vec<_> = text.lines().skip(1).collect();
        assert!(names[0].starts_with("key_1,\"Import, nightly\",2026-11-27T14:00:00Z,12,"));
        assert!(names[1].starts_with("key_1,\"'=HYPERLINK(\"\"http://evil\"\")\",2026"));
        assert!(names[2].starts_with("key_1,'-2+3,2026"));
    }

    proptest! {
        #[test]
        fn no_cell_begins_like_a_formula_or_breaks_its_line(text in "[=+@\\-\t\r\n\",a-c ]{0,8}") {
            let written = cell(&text);
            let inner = match written.strip_prefix('"') {
                Some(rest) => rest.strip_suffix('"').unwrap().replace("\"\"", "\u{1}"),
                None => written.clone().into_owned(),
            };
            prop_assert!(!inner.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']));
            prop_assert!(!inner.contains('"'));
            if !written.starts_with('"') {
                prop_assert!(!written.contains([',', '\r', '\n']));
            }
            let inner = inner.replace('\u{1}', "\"");
            prop_assert_eq!(inner.strip_prefix('\'').unwrap_or(&inner), text);
        }
    }
}
