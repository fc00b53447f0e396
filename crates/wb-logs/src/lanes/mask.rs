//! The shape of a message: its words without those that have digits, which count, measure or name one thing
//! among many.

/// What a byte is to a shape.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Other,
    Letter,
    Digit,
}

static CLASSES: [Class; 256] = classes();

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "evaluated when compiled"
)]
const fn classes() -> [Class; 256] {
    let mut classes = [Class::Other; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = match byte as u8 {
            b'0'..=b'9' => Class::Digit,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.. => Class::Letter,
            _ => Class::Other,
        };
        byte += 1;
    }
    classes
}

fn class(byte: u8) -> Class {
    CLASSES.get(usize::from(byte)).copied().unwrap_or(Class::Other)
}

/// Appends `text` to `masked` with `#` for every word that has a digit.
pub(crate) fn mask(text: &str, masked: &mut Vec<u8>) {
    let mut start = masked.len();
    let mut digits = false;
    for &byte in text.as_bytes() {
        match class(byte) {
            Class::Letter => masked.push(byte),
            Class::Digit => {
                digits = true;
                masked.push(byte);
            }
            Class::Other => {
                if digits {
                    masked.truncate(start);
                    masked.push(b'#');
                    digits = false;
                }
                masked.push(byte);
                start = masked.len();
            }
        }
    }
    if digits {
        masked.truncate(start);
        masked.push(b'#');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_with_digits_are_one_shape() {
        let shape = |text: &str| {
            let mut masked = Vec::new();
            mask(text, &mut masked);
            String::from_utf8(masked).expect("text in, text out")
        };
        assert_eq!(
            shape("[10:02:03.5] job 17 of infer-03 took 2.5 ms"),
            "[#:#:#.#] job # of infer-# took #.# ms"
        );
        assert_eq!(shape("id=3f2cab loaded model-v2.pkl"), "id=# loaded model-#.pkl");
        assert_eq!(shape("no digits"), "no digits");
        assert_eq!(shape(""), "");
    }
}
