//! Numbers as people and wires read them, whatever they stand on; never a locale.

/// Bytes of the longest whole number of 64 bits.
pub const DECIMAL_BYTES: usize = 20;

/// The decimal digits of a number, at the end of `room`. Every answer with limits and every log line writes some, so that it
/// allocates nothing and stands where it is called.
#[inline(always)]
pub fn decimal(value: u64, room: &mut [u8; DECIMAL_BYTES]) -> &[u8] {
    let mut at = room.len();
    let mut rest = value;
    loop {
        at -= 1;
        // A digit: less than ten, so nothing is cut off.
        room[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    &room[at..]
}

/// `1234567` as `1,234,567`.
pub fn grouped(n: u128) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_room_for_its_digits() {
        for n in [0, 7, 10, 99, 1_000_000, u64::MAX] {
            let mut room = [b'-'; DECIMAL_BYTES];
            assert_eq!(decimal(n, &mut room), n.to_string().as_bytes());
        }
    }

    #[test]
    fn digits_are_grouped_by_three() {
        let cases = [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (12_345_678, "12,345,678"),
        ];
        for (n, text) in cases {
            assert_eq!(grouped(n), text);
        }
        assert_eq!(grouped(u64::MAX.into()), "18,446,744,073,709,551,615");
    }
}
