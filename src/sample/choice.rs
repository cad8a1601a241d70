//! Closed sets of words, such as the stages of a deal; never free text.

/// Defines an enum whose JSON is one of a few words, with the words at hand for messages and filters.
macro_rules! choice {
    ($(#[$meta:meta])* $name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
        pub(super) enum $name {
            $(#[serde(rename = $word)] $variant),+
        }

        impl $crate::sample::choice::Choice for $name {
            const WORDS: &'static [(&'static str, Self)] = &[$(($word, Self::$variant)),+];
        }
    };
}

pub(super) use choice;

/// A closed set of words.
pub(super) trait Choice: Copy + 'static {
    /// Every word and what it means.
    const WORDS: &'static [(&'static str, Self)];

    /// What `word` means.
    ///
    /// # Errors
    /// A sentence that lists the words.
    fn parse(word: &str) -> Result<Self, String> {
        Self::WORDS
            .iter()
            .find(|(w, _)| *w == word)
            .map(|(_, v)| *v)
            .ok_or_else(|| {
                let words: Vec<_> = Self::WORDS.iter().map(|(w, _)| *w).collect();
                format!("must be one of {}", words.join(", "))
            })
    }
}
