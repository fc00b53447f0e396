//! Numbered fields as text, for messages of protocol buffers and tables of FlatBuffers: [`parse`].
//!
//! A field is its number and a value. Values are texts (`"w"`, with `\n`, `\t`, `\\`, `\"`), bytes (`hex "00 ff"`,
//! `zeros 24`), numbers (`7`, `-1`, or with their size: `u8 7`, `u64 7`, `f32 0.5`), fields (`{ 1 7  2 "w" }`), `group`
//! with fields, and lists (`[1 2 3]`). `hex` that stands in the place of a field puts bytes there as they are. What
//! follows `#` is a comment.

use std::iter::Peekable;

/// A value of a field.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// A number without a size of its own.
    Number(u64),
    /// A number with its bytes in little-endian order.
    Fixed(Vec<u8>),
    Text(String),
    Bytes(Vec<u8>),
    Fields(Fields),
    Group(Fields),
    List(Vec<Value>),
}

/// Fields in order; bytes that are none have no number.
pub(crate) type Fields = Vec<(Option<u32>, Value)>;

#[derive(Debug, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    /// One of `{}[]`.
    Mark(char),
}

type Tokens = Peekable<std::vec::IntoIter<Token>>;

/// Reads fields.
///
/// # Errors
/// What is wrong with the text.
pub(crate) fn parse(text: &str) -> Result<Fields, String> {
    let mut tokens = tokens(text)?.into_iter().peekable();
    let fields = fields(&mut tokens)?;
    match tokens.next() {
        Some(token) => Err(format!("{token:?} stands behind the fields")),
        None => Ok(fields),
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut out = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        rest = match first {
            '#' => rest.split_once('\n').map_or("", |(_, after)| after),
            '{' | '}' | '[' | ']' => {
                out.push(Token::Mark(first));
                &rest[1..]
            }
            '"' => {
                let (text, after) = quoted(&rest[1..])?;
                out.push(Token::Text(text));
                after
            }
            _ => {
                let ends = |letter: char| letter.is_whitespace() || "{}[]\"#".contains(letter);
                let (word, after) = rest.split_at(rest.find(ends).unwrap_or(rest.len()));
                out.push(Token::Word(word.to_owned()));
                after
            }
        }
        .trim_start();
    }
    Ok(out)
}

/// The text up to the closing quote, and what follows it.
fn quoted(rest: &str) -> Result<(String, &str), String> {
    let mut text = String::new();
    let mut letters = rest.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Ok((text, &rest[at + 1..])),
            '\\' => text.push(match letters.next() {
                Some((_, 'n')) => '\n',
                Some((_, 't')) => '\t',
                Some((_, other @ ('\\' | '"'))) => other,
                other => return Err(format!("no escape {other:?}")),
            }),
            _ => text.push(letter),
        }
    }
    Err("a text is not closed".to_owned())
}

fn fields(tokens: &mut Tokens) -> Result<Fields, String> {
    let mut out = Vec::new();
    while let Some(Token::Word(word)) = tokens.peek() {
        if word == "hex" {
            out.push((None, value(tokens)?));
            continue;
        }
        let number = word.parse().map_err(|_| format!("`{word}` is no number of a field"))?;
        tokens.next();
        out.push((Some(number), value(tokens)?));
    }
    Ok(out)
}

fn value(tokens: &mut Tokens) -> Result<Value, String> {
    match tokens.next() {
        Some(Token::Text(text)) => Ok(Value::Text(text)),
        Some(Token::Mark('{')) => Ok(Value::Fields(closed(tokens)?)),
        Some(Token::Mark('[')) => {
            let mut list = Vec::new();
            while tokens.peek() != Some(&Token::Mark(']')) {
                list.push(value(tokens)?);
            }
            tokens.next();
            Ok(Value::List(list))
        }
        Some(Token::Word(word)) => worded(&word, tokens),
        other => Err(format!("{other:?} is no value")),
    }
}

fn worded(word: &str, tokens: &mut Tokens) -> Result<Value, String> {
    Ok(match (word, tokens.peek()) {
        ("hex", Some(Token::Text(text))) => {
            let digits: String = text.split_whitespace().collect();
            let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(digits.as_bytes());
            tokens.next();
            Value::Bytes(bytes.map_err(|error| error.to_string())?)
        }
        ("group", Some(Token::Mark('{'))) => {
            tokens.next();
            Value::Group(closed(tokens)?)
        }
        ("zeros", Some(Token::Word(count))) => {
            let count = count.parse().map_err(|_| format!("zeros {count}"))?;
            tokens.next();
            Value::Bytes(vec![0; count])
        }
        (kind, Some(Token::Word(number))) if number_of(kind, "0").is_some() => {
            let bytes = number_of(kind, number).ok_or_else(|| format!("no {kind} `{number}`"))?;
            tokens.next();
            Value::Fixed(bytes)
        }
        _ => Value::Number(whole(word).ok_or_else(|| format!("`{word}` is no value"))?),
    })
}

fn closed(tokens: &mut Tokens) -> Result<Fields, String> {
    let fields = fields(tokens)?;
    match tokens.next() {
        Some(Token::Mark('}')) => Ok(fields),
        other => Err(format!("{other:?} where fields should close")),
    }
}

/// A whole number; one below zero as its two's complement.
pub(crate) fn whole(word: &str) -> Option<u64> {
    let signed = || word.parse::<i64>().ok().map(|number| number as u64);
    word.parse().ok().or_else(signed)
}

/// The bytes of a number of that kind, in little-endian order; nothing when there is no such kind or number.
pub(crate) fn number_of(kind: &str, number: &str) -> Option<Vec<u8>> {
    Some(match kind {
        "f32" => number.parse::<f32>().ok()?.to_le_bytes().to_vec(),
        "f64" => number.parse::<f64>().ok()?.to_le_bytes().to_vec(),
        _ => {
            let len = match kind {
                "u8" => 1,
                "u16" => 2,
                "u32" => 4,
                "u64" => 8,
                _ => return None,
            };
            let mut bytes = whole(number)?.to_le_bytes().to_vec();
            // What is cut off may only be the sign of a number that fits.
            let rest = bytes.split_off(len);
            let fits = rest.iter().all(|byte| *byte == 0) || rest.iter().all(|byte| *byte == 0xff);
            fits.then_some(bytes)?
        }
    })
}
