//! Bytes as a list of values, one kind a line: [`layout`].

use crate::tree::number_of;

/// The bytes that `text` lists. A line is a kind and its values:
///
/// - `u8`, `u16`, `u32`, `u64`, `f32`, `f64`: numbers; little endian until a line says `big`, and again after `little`;
/// - `text WORDS`: the words as they are; `line WORDS`: with a line feed behind them;
/// - `text8`, `text16`, `text32`, `text64`: with their length before them, in so many bits;
/// - `hex 00 ff`, `zeros 24`, `align 32` (zeros up to the next multiple);
/// - `times 100 KIND VALUES`: the rest of the line, so often; `{n}` in it is the number of the round, in six digits.
///
/// What follows ` # ` is a comment.
///
/// # Errors
/// The line that is no list of values.
pub fn layout(text: &str) -> Result<Vec<u8>, String> {
    let (mut out, mut big) = (Vec::new(), false);
    for line in text.lines() {
        let line = line.split_once(" # ").map_or(line, |(line, _)| line).trim();
        match line {
            "" => {}
            "big" => big = true,
            "little" => big = false,
            _ if line.starts_with('#') => {}
            _ => write(&mut out, line, big).ok_or_else(|| format!("`{line}` lists no bytes"))?,
        }
    }
    Ok(out)
}

fn write(out: &mut Vec<u8>, line: &str, big: bool) -> Option<()> {
    let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
    let count = || rest.parse::<usize>().ok();
    match kind {
        "text" => out.extend(rest.as_bytes()),
        "line" => out.extend([rest.as_bytes(), b"\n"].concat()),
        "zeros" => out.resize(out.len() + count()?, 0),
        "align" => out.resize(out.len().next_multiple_of(count()?), 0),
        "hex" => {
            let digits: String = rest.split_whitespace().collect();
            out.extend(data_encoding::HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).ok()?);
        }
        "times" => {
            let (times, rest) = rest.split_once(' ')?;
            for round in 0..times.parse::<usize>().ok()? {
                write(out, &rest.replace("{n}", &format!("{round:06}")), big)?;
            }
        }
        _ => match kind.strip_prefix("text") {
            Some(bits) => {
                number(out, &format!("u{bits}"), &rest.len().to_string(), big)?;
                out.extend(rest.as_bytes());
            }
            None => rest.split_whitespace().try_for_each(|word| number(out, kind, word, big))?,
        },
    }
    Some(())
}

fn number(out: &mut Vec<u8>, kind: &str, word: &str, big: bool) -> Option<()> {
    let mut bytes = number_of(kind, word)?;
    if big {
        bytes.reverse();
    }
    out.extend(bytes);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_in_either_order() {
        let bytes = layout(
            "u16 1 -1 # two numbers\nbig\nu32 2\ntext16 hi you\ntimes 2 u8 7\nalign 8\nhex 0a 0b",
        );
        let expected = b"\x01\0\xff\xff\0\0\0\x02\0\x06hi you\x07\x07\0\0\0\0\0\0\x0a\x0b";
        assert_eq!(bytes.as_deref(), Ok(&expected[..]));
        assert!(layout("u8 256").is_err() && layout("word 1").is_err());
    }
}
