//! JSON as it is read: indented, with the kinds of its parts told apart; never another number or another escape than was sent.

use maud::{Markup, html};
use serde::de::IgnoredAny;

/// What a piece of JSON is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The name of a member.
    Name,
    /// A string.
    Text,
    /// A number.
    Number,
    /// `true`, `false` or `null`.
    Word,
    /// Anything else: punctuation and space.
    Mark,
}

impl Kind {
    const fn class(self) -> Option<&'static str> {
        match self {
            Self::Name => Some("hl-k"),
            Self::Text => Some("hl-s"),
            Self::Number => Some("hl-n"),
            Self::Word => Some("hl-w"),
            Self::Mark => None,
        }
    }
}

/// JSON with line breaks of ours and every token as it was written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::web) struct Indented {
    pieces: Vec<(Kind, String)>,
    /// Whether it is shown to its end.
    pub(in crate::web) is_whole: bool,
}

impl Indented {
    /// Indents `text`, up to `most` bytes of what comes of it; `None` where it is no JSON.
    pub(in crate::web) fn of(text: &str, most: usize) -> Option<Self> {
        serde_json::from_str::<IgnoredAny>(text).ok()?;
        let mut writer = Writer {
            left: most,
            ..Writer::default()
        };
        let is_whole = writer.write(text).is_some();
        Some(Self {
            pieces: writer.pieces,
            is_whole,
        })
    }

    /// It as text alone.
    #[cfg(test)]
    fn text(&self) -> String {
        self.pieces.iter().map(|(_, text)| text.as_str()).collect()
    }

    /// It with each kind of token in a class of its own.
    pub(in crate::web) fn markup(&self) -> Markup {
        html! {
            @for (kind, text) in &self.pieces {
                @match kind.class() {
                    Some(class) => { span class=(class) { (text) } }
                    None => (text)
                }
            }
        }
    }
}

#[derive(Default)]
struct Writer {
    pieces: Vec<(Kind, String)>,
    left: usize,
    depth: usize,
}

impl Writer {
    /// `None` where there is no more room.
    fn put(&mut self, kind: Kind, text: &str) -> Option<()> {
        self.left = self.left.checked_sub(text.len())?;
        match self.pieces.last_mut() {
            Some((last, so_far)) if *last == kind => so_far.push_str(text),
            _ => self.pieces.push((kind, text.to_owned())),
        }
        Some(())
    }

    fn line(&mut self) -> Option<()> {
        let line = format!("\n{}", "  ".repeat(self.depth));
        self.put(Kind::Mark, &line)
    }

    /// Writes valid JSON anew.
    fn write(&mut self, text: &str) -> Option<()> {
        let mut rest = text.trim();
        while let Some(first) = rest.chars().next() {
            let (token, after) = rest.split_at(token_end(rest));
            let after = after.trim_start();
            match first {
                '{' | '[' => {
                    if let Some(last) = after.strip_prefix(['}', ']']) {
                        self.put(Kind::Mark, if first == '{' { "{}" } else { "[]" })?;
                        rest = last.trim_start();
                        continue;
                    }
                    self.put(Kind::Mark, token)?;
                    self.depth += 1;
                    self.line()?;
                }
                '}' | ']' => {
                    self.depth = self.depth.saturating_sub(1);
                    self.line()?;
                    self.put(Kind::Mark, token)?;
                }
                ',' => {
                    self.put(Kind::Mark, token)?;
                    self.line()?;
                }
                ':' => self.put(Kind::Mark, ": ")?,
                '"' if after.starts_with(':') => self.put(Kind::Name, token)?,
                '"' => self.put(Kind::Text, token)?,
                '-' | '0'..='9' => self.put(Kind::Number, token)?,
                _ => self.put(Kind::Word, token)?,
            }
            rest = after;
        }
        Some(())
    }
}

/// Where the first token of valid JSON ends.
fn token_end(text: &str) -> usize {
    let bytes = text.as_bytes();
    match bytes.first() {
        Some(b'"') => {
            let mut is_escaped = false;
            let end = bytes.iter().skip(1).position(|b| {
                let is_end = *b == b'"' && !is_escaped;
                is_escaped = *b == b'\\' && !is_escaped;
                is_end
            });
            end.map_or(text.len(), |i| i + 2)
        }
        Some(b'{' | b'}' | b'[' | b']' | b',' | b':') => 1,
        _ => text
            .find(|c: char| c.is_ascii_whitespace() || ",:{}[]\"".contains(c))
            .filter(|i| *i > 0)
            .unwrap_or(text.len()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    const MOST: usize = 1_000_000;

    fn of(text: &str) -> String {
        Indented::of(text, MOST).unwrap().text()
    }

    #[test]
    fn tokens_stay_as_they_were_written() {
        assert_eq!(
            of(
                "{\"id\": 1.10,\"n\":1e5 ,\"a\":[ ],\"o\":{},\"t\":\"a\\\"b:c\",\"l\":[true,null,\"\\u00e9\"]}"
            ),
            "{\n  \"id\": 1.10,\n  \"n\": 1e5,\n  \"a\": [],\n  \"o\": {},\n  \"t\": \"a\\\"b:c\",\n  \"l\": [\n    true,\n    null,\n    \"\\u00e9\"\n  ]\n}"
        );
        assert_eq!(of(" \"x\\\\\" "), "\"x\\\\\"");
    }

    #[test]
    fn names_strings_and_numbers_are_told_apart_and_escaped() {
        let shown = Indented::of("{\"<b>\": [\"</pre>\", 7, true]}", MOST).unwrap();
        let markup = shown.markup().into_string();
        assert!(
            markup.contains("<span class=\"hl-k\">&quot;&lt;b&gt;&quot;</span>"),
            "{markup}"
        );
        assert!(markup.contains("<span class=\"hl-s\">&quot;&lt;/pre&gt;&quot;</span>"));
        assert!(markup.contains("<span class=\"hl-n\">7</span>"));
        assert!(markup.contains("<span class=\"hl-w\">true</span>"));
    }

    #[test]
    fn what_is_no_json_is_not_indented_and_what_is_deep_ends_at_the_bound() {
        for text in ["", "{", "{}x", "not json", "{\"a\":1,}"] {
            assert_eq!(Indented::of(text, MOST), None, "{text}");
        }
        let deep = format!(
            "{}{}{}",
            "[".repeat(100),
            "1,".repeat(9_999) + "1",
            "]".repeat(100)
        );
        let shown = Indented::of(&deep, 10_000).unwrap();
        assert!(!shown.is_whole && shown.text().len() <= 10_000);
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((".{0,4}", inner), 0..4)
                    .prop_map(|m| Value::Object(m.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_looks_as_the_library_writes_it(value in json()) {
            let indented = serde_json::to_string_pretty(&value).unwrap();
            prop_assert_eq!(of(&value.to_string()), indented.clone());
            prop_assert_eq!(of(&indented), indented);
        }
    }
}
