//! Colours of code by a few marks that all its languages share; never a change of its text.

use maud::{Markup, html};
use serde_json::Value;

/// A language of a piece of code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    /// JSON.
    Json,
    /// Commands of a shell.
    Shell,
    /// Python.
    Python,
    /// JavaScript.
    JavaScript,
    /// PHP.
    Php,
    /// An HTTP message.
    Http,
    /// Anything else.
    Plain,
}

impl Language {
    /// The language that a fenced block of a text names.
    pub(crate) fn of_name(name: &str) -> Self {
        match name {
            "json" => Self::Json,
            "sh" | "bash" | "shell" => Self::Shell,
            "py" | "python" => Self::Python,
            "js" | "mjs" | "javascript" => Self::JavaScript,
            "php" => Self::Php,
            "http" => Self::Http,
            _ => Self::Plain,
        }
    }

    const fn comment(self) -> Option<&'static str> {
        match self {
            Self::Shell | Self::Python => Some("#"),
            Self::JavaScript | Self::Php => Some("//"),
            Self::Json | Self::Http | Self::Plain => None,
        }
    }

    const fn keywords(self) -> &'static [&'static str] {
        match self {
            Self::Json => &["true", "false", "null"],
            Self::Shell => &["curl", "export", "if", "then", "fi", "openssl"],
            Self::Python => &[
                "import", "from", "def", "return", "if", "else", "not", "in", "for", "while",
                "None", "True", "False", "raise", "try", "except", "with", "as", "and", "or",
            ],
            Self::JavaScript => &[
                "import", "from", "const", "let", "await", "async", "function", "return", "if",
                "else", "new", "null", "true", "false", "for", "while", "of", "throw", "try",
                "catch",
            ],
            Self::Php => &[
                "function", "return", "if", "else", "foreach", "as", "echo", "new", "null", "true",
                "false", "while", "use", "require",
            ],
            Self::Http => &["GET", "POST", "PUT", "PATCH", "DELETE", "HTTP"],
            Self::Plain => &[],
        }
    }
}

/// A value as indented JSON.
pub(crate) fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// Code with its marks.
pub(crate) fn colored(code: &str, language: Language) -> Markup {
    let mut rest = code;
    html! {
        @while let Some((class, piece, after)) = next(rest, language) {
            @match class {
                Some(class) => span class=(class) { (piece) },
                None => (piece),
            }
            @let () = rest = after;
        }
    }
}

/// The next piece of a code, the class of its mark, and what follows.
fn next(code: &str, language: Language) -> Option<(Option<&'static str>, &str, &str)> {
    let first = code.chars().next()?;
    if language == Language::Plain {
        return Some((None, code, ""));
    }
    let is_comment = language.comment().is_some_and(|c| code.starts_with(c));
    let (class, length) = if is_comment {
        (Some("hl-c"), code.find('\n').unwrap_or(code.len()))
    } else if matches!(first, '"' | '\'') && language != Language::Http {
        let length = string_length(code, first);
        let is_key = language == Language::Json && code[length..].trim_start().starts_with(':');
        (Some(if is_key { "hl-k" } else { "hl-s" }), length)
    } else if first.is_ascii_digit() && language != Language::Http {
        (Some("hl-n"), span(code, |c| c.is_ascii_digit() || c == '.'))
    } else if first.is_alphanumeric() || first == '_' || first == '$' || first == '-' {
        let length = span(code, is_word).max(1);
        let is_keyword = language.keywords().contains(&&code[..length]);
        (is_keyword.then_some("hl-w"), length)
    } else {
        (None, plain_length(code, language))
    };
    Some((class, &code[..length], &code[length..]))
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$' | '-')
}

fn span(code: &str, of: impl Fn(char) -> bool) -> usize {
    code.find(|c| !of(c)).unwrap_or(code.len())
}

/// How far nothing is marked.
fn plain_length(code: &str, language: Language) -> usize {
    let stops = |(at, c): &(usize, char)| {
        *at > 0
            && (is_word(*c)
                || matches!(c, '"' | '\'')
                || language
                    .comment()
                    .is_some_and(|s| code[*at..].starts_with(s)))
    };
    code.char_indices()
        .find(stops)
        .map_or(code.len(), |(at, _)| at)
}

/// How long the string at the beginning of a code is, its quotes included.
fn string_length(code: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, c) in code.char_indices().skip(1) {
        if is_escaped {
            is_escaped = false;
        } else if c == '\\' {
            is_escaped = true;
        } else if c == quote {
            return at + 1;
        }
    }
    code.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pieces(code: &str, language: Language) -> Vec<(Option<&'static str>, String)> {
        let (mut all, mut rest) = (Vec::new(), code);
        while let Some((class, piece, after)) = next(rest, language) {
            assert!(!piece.is_empty());
            all.push((class, piece.to_owned()));
            rest = after;
        }
        all
    }

    #[test]
    fn keys_strings_numbers_and_words_of_json_are_told_apart() {
        let marks: Vec<_> = pieces(
            "{\"a\": \"b\\\"c\", \"n\": 1.5, \"t\": true}",
            Language::Json,
        )
        .into_iter()
        .filter_map(|(class, text)| Some((class?, text)))
        .collect();
        let wanted = [
            ("hl-k", "\"a\""),
            ("hl-s", "\"b\\\"c\""),
            ("hl-k", "\"n\""),
            ("hl-n", "1.5"),
            ("hl-k", "\"t\""),
            ("hl-w", "true"),
        ];
        assert_eq!(marks, wanted.map(|(c, t)| (c, t.to_owned())));
    }

    #[test]
    fn what_is_coloured_is_escaped() {
        let html = colored("# <b>\necho \"<i>\" & <u>", Language::Shell).into_string();
        assert!(
            !html.contains("<b>") && !html.contains("<i>") && !html.contains("<u>"),
            "{html}"
        );
    }

    proptest! {
        #[test]
        fn colours_change_no_text(code in "\\PC*|[a\"'\\\\#/ \n1_-]*") {
            for language in [Language::Json, Language::Shell, Language::Python, Language::JavaScript,
                Language::Php, Language::Http, Language::Plain] {
                let joined: String = pieces(&code, language).into_iter().map(|(_, t)| t).collect();
                prop_assert_eq!(&joined, &code);
            }
        }
    }
}
