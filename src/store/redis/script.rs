//! Scripts by their text and digest; never which keys they are called with.

use std::sync::LazyLock;

/// A script that ships with this binary. Its text lies in `scripts/`.
pub(super) struct Script {
    pub(super) text: &'static str,
    /// SHA-1 of the text in hex, by which Redis knows it.
    pub(super) digest: LazyLock<String>,
}

/// Makes a static [`Script`] of files in `scripts/`, one after another: what several scripts need comes first.
macro_rules! script {
    ($name:ident, $($file:literal),+) => {
        static $name: $crate::store::redis::script::Script = {
            const TEXT: &str = concat!($(include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/src/store/redis/scripts/",
                $file
            ))),+);
            $crate::store::redis::script::Script {
                text: TEXT,
                digest: ::std::sync::LazyLock::new(|| $crate::store::redis::script::digest(TEXT)),
            }
        };
    };
}
pub(super) use script;

/// SHA-1 in hex, as `EVALSHA` wants it.
pub(super) fn digest(text: &str) -> String {
    redis::Script::new(text).get_hash().to_owned()
}
