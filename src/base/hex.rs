//! Bytes as hexadecimal text and back (RFC 4648 section 8, in lower case); never in constant time, so never for secrets.

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Two lower-case digits for each byte.
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    append(&mut text, bytes);
    text
}

/// Writes two lower-case digits for each byte to the end of `text`.
pub fn append(text: &mut String, bytes: &[u8]) {
    let digit = |n: u8| char::from(DIGITS[usize::from(n & 15)]);
    for byte in bytes {
        text.extend([digit(byte >> 4), digit(*byte)]);
    }
}

/// The 16 lower-case digits of a number, leading zeros included. Every request takes some, so eight are made at once.
pub fn digits(n: u64) -> [u8; 16] {
    let mut all = [0; 16];
    let (high, low) = all.split_at_mut(8);
    high.copy_from_slice(&eight_digits(n >> 32));
    low.copy_from_slice(&eight_digits(n & 0xffff_ffff));
    all
}

/// The digits of a number of 32 bits.
const fn eight_digits(n: u64) -> [u8; 8] {
    // Spreads the four bits of each digit over a byte of their own.
    let n = (n | n << 16) & 0x0000_ffff_0000_ffff;
    let n = (n | n << 8) & 0x00ff_00ff_00ff_00ff;
    let n = (n | n << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    // 1 in each byte that is a letter: ten or more, and six more carry over.
    let letters = ((n + 0x0606_0606_0606_0606) >> 4) & 0x0101_0101_0101_0101;
    (n + 0x3030_3030_3030_3030 + letters * (b'a' - b'0' - 10) as u64).to_be_bytes()
}

/// The bytes of exactly 2·`N` digits, of either case; `None` for any other text.
pub fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
        return None;
    };
    let mut bytes = [0; N];
    if pairs.len() != N {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = value(*high)? << 4 | value(*low)?;
    }
    Some(bytes)
}

/// Whether `text` is exactly `digits` digits of either case.
pub fn is_digits(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|b| b.is_ascii_hexdigit())
}

fn value(digit: u8) -> Option<u8> {
    u8::try_from(char::from(digit).to_digit(16)?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bytes_are_two_lower_case_digits_each() {
        assert_eq!(encode(&[0, 255, 16, 0xab]), "00ff10ab");
        assert_eq!(encode(&[]), "");
        let mut text = "evt_".to_owned();
        append(&mut text, &[1, 0x2f]);
        assert_eq!(text, "evt_012f");
    }

    #[test]
    fn a_number_has_all_its_digits() {
        for n in [0, 7, 0x0123_4567_89ab_cdef, 0xf9a0_0000_0000_a9f0, u64::MAX] {
            assert_eq!(digits(n), format!("{n:016x}").as_bytes());
        }
    }

    #[test]
    fn either_case_is_read_and_nothing_but_digits() {
        assert_eq!(decode("00Ff1a"), Some([0, 255, 26]));
        // A sign, a space or a prefix is no digit, whatever other parsers of numbers take it for.
        for bad in [
            "", "00ff1", "00ff1a00", "+0ff1a", "0xff1a", " 0ff1a", "é0ff1", "00fg1a",
        ] {
            assert_eq!(decode::<3>(bad), None, "{bad}");
        }
        assert_eq!(decode(""), Some([]));
    }

    #[test]
    fn digits_are_counted_and_of_either_case() {
        assert!(is_digits("0aF9", 4) && is_digits("", 0));
        assert!(!is_digits("0aF9", 5) && !is_digits("0aG9", 4) && !is_digits("+aF9", 4));
    }

    proptest! {
        #[test]
        fn digits_are_those_that_the_standard_library_writes(n in any::<u64>()) {
            prop_assert_eq!(digits(n).to_vec(), format!("{n:016x}").into_bytes());
        }

        #[test]
        fn what_is_encoded_comes_back(bytes in any::<[u8; 32]>()) {
            let text = encode(&bytes);
            prop_assert!(is_digits(&text, 64));
            prop_assert_eq!(decode(&text), Some(bytes));
            prop_assert_eq!(decode(&text.to_ascii_uppercase()), Some(bytes));
        }
    }
}
