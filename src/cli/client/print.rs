//! How answers look: JSON for scripts, tables for people, notes beside both; never where an answer comes from.

use std::io::{self, Write};

use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};
use serde_json::Value;

/// Heading and JSON pointer of a column, or name and pointer of a field.
pub type Column = (&'static str, &'static str);

/// Where a command writes.
pub struct Output {
    json: bool,
    out: Box<dyn Write + Send>,
    notes: Box<dyn Write + Send>,
}

impl Output {
    /// Standard output, and standard error for notes.
    pub fn standard(json: bool) -> Self {
        Self::to(json, Box::new(io::stdout()), Box::new(io::stderr()))
    }

    /// Two writers.
    pub fn to(json: bool, out: Box<dyn Write + Send>, notes: Box<dyn Write + Send>) -> Self {
        Self { json, out, notes }
    }

    /// Whether a script reads.
    pub const fn is_json(&self) -> bool {
        self.json
    }

    // A reader that went away is nobody to tell, so failures to write are not failures of the command.
    fn line(&mut self, text: &str) {
        let _ = writeln!(self.out, "{text}").and_then(|()| self.out.flush());
    }

    /// A remark for people, which scripts do not read.
    pub fn note(&mut self, text: &str) {
        let _ = writeln!(self.notes, "{text}");
    }

    fn dump(&mut self, value: &Value) {
        match serde_json::to_string_pretty(value) {
            Ok(text) => self.line(&text),
            Err(_) => self.line(&value.to_string()),
        }
    }

    /// One object: all of it as JSON, or `fields` of it.
    pub fn object(&mut self, value: &Value, fields: &[Column]) {
        if self.json {
            return self.dump(value);
        }
        let mut table = bare();
        for (name, pointer) in fields {
            if let Some(found) = value.pointer(pointer) {
                table.add_row([(*name).to_owned(), cell(Some(found))]);
            }
        }
        self.line(&table.trim_fmt());
    }

    /// A list: all of it as JSON, or `columns` of its `data` and a note where to go on.
    pub fn list(&mut self, value: &Value, columns: &[Column]) {
        if self.json {
            return self.dump(value);
        }
        let rows = value["data"].as_array().map_or(&[][..], Vec::as_slice);
        if rows.is_empty() {
            return self.note("nothing found");
        }
        let mut table = bare();
        table.set_header(columns.iter().map(|(name, _)| *name));
        for row in rows {
            table.add_row(
                columns
                    .iter()
                    .map(|(_, pointer)| cell(row.pointer(pointer))),
            );
        }
        self.line(&table.trim_fmt());
        if let Some(cursor) = value["next_cursor"].as_str() {
            self.note(&format!("there is more: --cursor {}", clean(cursor)));
        }
    }

    /// Says that something without an answer was done: a sentence for people, an object for scripts.
    pub fn done(&mut self, sentence: &str, object: &Value) {
        if self.json {
            self.dump(object);
        } else {
            self.line(sentence);
        }
    }

    /// One of many things that happen while a command runs: a sentence for people, an object on a line of its own for
    /// scripts.
    pub fn happened(&mut self, sentence: &str, object: &Value) {
        if self.json {
            self.line(&object.to_string());
        } else {
            self.line(sentence);
        }
    }
}

fn bare() -> Table {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        // Lines are never broken, so that grep and cut work on them.
        .set_content_arrangement(ContentArrangement::Disabled)
        .force_no_tty();
    table
}

/// A value as people read it.
fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => clean(text),
        Some(Value::Array(items)) if items.is_empty() => "-".to_owned(),
        Some(Value::Array(items)) => {
            let cells: Vec<_> = items.iter().map(|i| cell(Some(i))).collect();
            cells.join(" ")
        }
        Some(Value::Object(map)) => {
            let cells = map
                .iter()
                .map(|(k, v)| format!("{}={}", clean(k), cell(Some(v))));
            cells.collect::<Vec<_>>().join(" ")
        }
        Some(other) => other.to_string(),
    }
}

/// Text without control characters: names and replies come from elsewhere and must not steer a terminal.
pub fn clean(text: &str) -> String {
    let plain = |c: char| match c {
        '\n' | '\t' => ' ',
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    text.chars().map(plain).collect()
}

#[cfg(test)]
pub mod testing {
    //! An output that tests read.

    use std::io::{self, Write};
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::Output;

    /// What was written.
    #[derive(Clone, Default)]
    pub struct Written(Arc<Mutex<Vec<u8>>>);

    impl Written {
        /// All of it.
        pub fn text(&self) -> String {
            String::from_utf8(self.0.lock().clone()).unwrap()
        }
    }

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// An output with what is written to it and its notes.
    pub fn output(json: bool) -> (Output, Written, Written) {
        let (out, notes) = (Written::default(), Written::default());
        let output = Output::to(json, Box::new(out.clone()), Box::new(notes.clone()));
        (output, out, notes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const COLUMNS: &[Column] = &[("ID", "/id"), ("NAME", "/name"), ("TAGS", "/tags")];

    #[test]
    fn a_list_is_a_table_for_people_and_itself_for_scripts() {
        let list = json!({"data": [{"id": "a1", "name": null, "tags": ["x", "y"]}, {"id": "b", "name": "\u{1b}[2Jüb", "tags": []}], "next_cursor": "c9"});
        let (mut people, out, notes) = testing::output(false);
        people.list(&list, COLUMNS);
        assert_eq!(
            out.text(),
            " ID  NAME    TAGS\n a1  -       x y\n b   \u{fffd}[2Jüb  -\n"
        );
        assert_eq!(notes.text(), "there is more: --cursor c9\n");
        let (mut scripts, out, notes) = testing::output(true);
        scripts.list(&list, COLUMNS);
        assert_eq!(serde_json::from_str::<Value>(&out.text()).unwrap(), list);
        assert_eq!(notes.text(), "");
    }

    #[test]
    fn an_object_shows_the_fields_it_has() {
        let (mut people, out, _) = testing::output(false);
        people.object(
            &json!({"id": "a", "n": 3}),
            &[("id", "/id"), ("none", "/none"), ("n", "/n")],
        );
        assert_eq!(out.text(), " id  a\n n   3\n");
    }

    #[test]
    fn an_empty_list_says_so_on_the_side() {
        let (mut people, out, notes) = testing::output(false);
        people.list(&json!({"data": [], "next_cursor": null}), COLUMNS);
        assert_eq!(
            (out.text().as_str(), notes.text().as_str()),
            ("", "nothing found\n")
        );
    }
}
