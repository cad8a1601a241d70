//! The form of a key's secret: how it is made and how its checksum is checked; never a digest, never the store.

use crate::base::secret::Secret;

/// Random characters of a secret: 30 of base62 are 178 bits.
pub const RANDOM_CHARS: usize = 30;
/// Characters of its checksum.
pub const CHECKSUM_CHARS: usize = 6;
/// Characters after the prefix and its underscore.
pub const BODY_CHARS: usize = RANDOM_CHARS + CHECKSUM_CHARS;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Bytes under this are taken modulo 62, others are thrown away, so that no character is likelier than another.
const FAIR_BELOW: u8 = 248;

/// The machine gave no random bytes; nothing is made without them.
#[derive(Debug, Clone, thiserror::Error)]
#[error("no random bytes from the system: {0}")]
pub struct NoRandom(String);

/// Makes a secret: `<prefix>_`, 30 random characters and 6 of checksum.
///
/// # Errors
/// When the system has no random bytes to give.
pub fn generate(prefix: &str) -> Result<Secret, NoRandom> {
    let mut text = String::with_capacity(prefix.len() + 1 + BODY_CHARS);
    text.push_str(prefix);
    text.push('_');
    let random = random_chars()?;
    text.extend(random.iter().map(|&b| char::from(b)));
    text.extend(checksum(&*random).iter().map(|&b| char::from(b)));
    Ok(Secret::new(text))
}

fn random_chars() -> Result<zeroize::Zeroizing<[u8; RANDOM_CHARS]>, NoRandom> {
    let mut out = zeroize::Zeroizing::new([0; RANDOM_CHARS]);
    let mut filled = 0;
    let mut pool = zeroize::Zeroizing::new([0; RANDOM_CHARS + 10]);
    while filled < RANDOM_CHARS {
        getrandom::fill(&mut *pool).map_err(|e| NoRandom(e.to_string()))?;
        let fair = pool.iter().filter(|&&b| b < FAIR_BELOW);
        for (slot, b) in out[filled..].iter_mut().zip(fair) {
            *slot = BASE62[usize::from(b % 62)];
            filled += 1;
        }
    }
    Ok(out)
}

/// The checksum of the random characters: CRC-32/IEEE in base62, left-padded with `0`.
fn checksum(random: &[u8]) -> [u8; CHECKSUM_CHARS] {
    let mut rest = crc32fast::hash(random);
    let mut out = [b'0'; CHECKSUM_CHARS];
    for slot in out.iter_mut().rev() {
        *slot = BASE62[(rest % 62) as usize];
        rest /= 62;
    }
    out
}

/// What follows `<prefix>_`, where that is as long as a secret's.
fn rest<'a>(prefix: &str, text: &'a str) -> Option<&'a [u8]> {
    let rest = text.strip_prefix(prefix)?.strip_prefix('_')?.as_bytes();
    (rest.len() == BODY_CHARS).then_some(rest)
}

/// What follows `<prefix>_`, where that is as long as a secret's and all base62.
fn body<'a>(prefix: &str, text: &'a str) -> Option<&'a [u8]> {
    rest(prefix, text).filter(|r| r.iter().all(u8::is_ascii_alphanumeric))
}

/// Whether `text` has the prefix and the length of our secrets, whatever its characters: one look, for what every request
/// asks.
pub fn has_shape(prefix: &str, text: &str) -> bool {
    rest(prefix, text).is_some()
}

/// Whether `text` looks like one of our secrets: the prefix and 36 characters of base62, whatever their checksum.
pub fn has_form(prefix: &str, text: &str) -> bool {
    body(prefix, text).is_some()
}

/// Whether `text` looks like one of our secrets and its checksum is right. It allocates nothing. The checksum is
/// no secret (anyone can compute it), so that a plain comparison is enough.
pub fn check(prefix: &str, text: &str) -> bool {
    body(prefix, text).is_some_and(|b| {
        let (random, sum) = b.split_at(RANDOM_CHARS);
        checksum(random) == sum
    })
}

/// The last four characters, as listings show them; fewer where `text` is shorter. An import passes what it was told.
pub fn last_four(text: &str) -> &str {
    let from = text.char_indices().rev().nth(3).map_or(0, |(at, _)| at);
    &text[from..]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_vector_of_the_contract_holds() {
        assert_eq!(&checksum(b"zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ"), b"0mLq17");
        assert!(check(
            "lf_live",
            "lf_live_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17"
        ));
    }

    #[test]
    fn a_made_secret_has_the_form_and_the_checksum() {
        for _ in 0..1000 {
            let s = generate("lf_live").unwrap();
            assert_eq!(s.expose().len(), "lf_live_".len() + 36);
            assert!(has_form("lf_live", s.expose()) && check("lf_live", s.expose()));
            assert!(!has_form("lf_test", s.expose()));
        }
    }

    #[test]
    fn every_character_is_about_as_likely() {
        let mut seen = [0_u32; 256];
        for _ in 0..5000 {
            for b in random_chars().unwrap().iter() {
                seen[usize::from(*b)] += 1;
            }
        }
        // 150,000 draws: 2,419 each, standard deviation 49; six of them are never seen by chance.
        for b in BASE62 {
            assert!(
                seen[usize::from(*b)].abs_diff(2419) < 300,
                "{}",
                char::from(*b)
            );
        }
        assert_eq!(seen.iter().filter(|n| **n > 0).count(), 62);
    }

    #[test]
    fn the_last_four_are_characters_not_bytes() {
        assert_eq!(last_four("abcdef"), "cdef");
        assert_eq!(last_four("ab"), "ab");
        assert_eq!(last_four("aäöüß"), "äöüß");
    }

    proptest! {
        #[test]
        fn any_text_is_answered_without_panic(prefix in "\\PC{0,8}", text in "\\PC{0,60}") {
            let _ = (has_form(&prefix, &text), check(&prefix, &text), last_four(&text));
        }

        #[test]
        fn one_changed_character_breaks_the_checksum(at in 0_usize..30, to in 0_usize..62) {
            let s = generate("p").unwrap();
            let mut bytes = s.expose().as_bytes().to_vec();
            prop_assume!(bytes[2 + at] != BASE62[to]);
            bytes[2 + at] = BASE62[to];
            let changed = String::from_utf8(bytes).unwrap();
            // CRC-32 finds every error burst of at most 32 bits, so one changed byte for certain.
            prop_assert!(has_form("p", &changed) && !check("p", &changed));
        }
    }
}
