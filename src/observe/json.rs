//! JSON text for log lines, written straight into a buffer; whatever a client sent stays inside its string.

/// Writes `text` as a JSON string. Besides what JSON demands, it escapes everything that a terminal or a line-based reader
/// could act upon: DEL, C1 controls, line and paragraph separators, and marks that turn the direction of text.
pub(super) fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    // Every byte is looked at, without a branch: many at once then.
    let is_plain = |b: u8| (0x20..0x7f).contains(&b) & (b != b'"') & (b != b'\\');
    if text.bytes().fold(true, |all, b| all & is_plain(b)) {
        out.extend_from_slice(text.as_bytes());
    } else {
        text.chars().for_each(|c| character(out, c));
    }
    out.push(b'"');
}

fn character(out: &mut Vec<u8>, c: char) {
    match c {
        '"' | '\\' => {
            out.push(b'\\');
            out.push(c as u8);
        }
        '\0'..='\u{1f}'
        | '\u{7f}'..='\u{9f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}'
        | '\u{feff}' => {
            out.extend_from_slice(format!("\\u{:04x}", u32::from(c)).as_bytes());
        }
        _ => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}

/// Writes a whole number.
pub(super) fn number(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Writes microseconds as milliseconds with three places, e.g. `1.042`.
pub(super) fn millis(out: &mut Vec<u8>, micros: u64) {
    number(out, micros / 1000);
    three_places(out, (micros % 1000) as u16);
}

/// Writes thousandths, less than a thousand of them, e.g. `.042`.
pub(super) fn three_places(out: &mut Vec<u8>, thousandths: u16) {
    // Digits: less than ten each, so nothing is cut off.
    out.extend([
        b'.',
        b'0' + (thousandths / 100) as u8,
        b'0' + (thousandths / 10 % 10) as u8,
        b'0' + (thousandths % 10) as u8,
    ]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_comes_back_and_stays_on_its_line(text in "\\PC*|[\\x00-\\x7f\u{80}-\u{9f}\u{2028}\u{202e}\"\\\\]*") {
            let mut out = Vec::new();
            string(&mut out, &text);
            prop_assert!(!out.iter().any(|b| *b < 0x20 || *b == 0x7f));
            prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }

        #[test]
        fn numbers_are_json(n in any::<u64>()) {
            let mut out = Vec::new();
            number(&mut out, n);
            prop_assert_eq!(String::from_utf8(out).unwrap(), n.to_string());
        }
    }

    #[test]
    fn milliseconds_have_three_places() {
        for (micros, text) in [
            (0, "0.000"),
            (1_042, "1.042"),
            (999, "0.999"),
            (60_000_000, "60000.000"),
        ] {
            let mut out = Vec::new();
            millis(&mut out, micros);
            assert_eq!(out, text.as_bytes());
        }
    }
}
