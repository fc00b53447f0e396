//! Keys and tokens by their structure, and by check digits where they have any: [`secrets`] finds them in a
//! text, [`may_hold`] says cheaply whether there can be one.

use aho_corasick::AhoCorasick;
use std::collections::BTreeSet;
use std::sync::OnceLock;
use wb_core::{Confidence, Constant, Content, OpKind, Span};

/// A kind of secret: how it begins, how many characters follow, of which alphabet.
struct Kind {
    prefix: &'static str,
    name: &'static str,
    least: usize,
    most: usize,
    alphabet: fn(u8) -> bool,
    /// Whether the characters behind the prefix hold together; `None` where there is nothing to check.
    check: Option<fn(&str) -> bool>,
}

const fn kind(
    prefix: &'static str,
    name: &'static str,
    least: usize,
    most: usize,
    alphabet: fn(u8) -> bool,
) -> Kind {
    Kind { prefix, name, least, most, alphabet, check: None }
}

fn word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

fn dashed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

fn base32(byte: u8) -> bool {
    byte.is_ascii_uppercase() || (b'2'..=b'7').contains(&byte)
}

const KINDS: [Kind; 18] = [
    Kind { check: Some(ends_in_checksum), ..kind("ghp_", "GitHub token", 36, 36, word) },
    Kind { check: Some(ends_in_checksum), ..kind("gho_", "GitHub token", 36, 36, word) },
    Kind { check: Some(ends_in_checksum), ..kind("ghs_", "GitHub token", 36, 36, word) },
    kind("github_pat_", "GitHub token", 82, 82, dashed),
    Kind { check: Some(ends_in_checksum), ..kind("npm_", "npm token", 36, 36, word) },
    kind("glpat-", "GitLab token", 20, 60, dashed),
    kind("hf_", "Hugging Face token", 34, 34, word),
    kind("AKIA", "AWS access key", 16, 16, base32),
    kind("ASIA", "AWS access key", 16, 16, base32),
    kind("AIza", "Google API key", 35, 35, dashed),
    kind("xoxb-", "Slack token", 40, 80, dashed),
    kind("xoxp-", "Slack token", 40, 90, dashed),
    kind("sk_live_", "Stripe key", 24, 128, word),
    kind("sk-proj-", "OpenAI key", 74, 200, dashed),
    kind("sk-ant-", "Anthropic key", 80, 140, dashed),
    kind("pypi-AgE", "PyPI token", 100, 300, dashed),
    Kind {
        check: Some(is_web_token),
        ..kind("eyJ", "JSON Web Token", 40, 8192, |byte| dashed(byte) || byte == b'.')
    },
    kind("dckr_pat_", "Docker token", 27, 27, dashed),
];

/// How a private key begins in PEM (RFC 7468) and in OpenSSH.
const PRIVATE_KEY: &str = "PRIVATE KEY-----";

/// Whether any key or token may begin in `text`, which has no format of its own.
pub fn begins_secret(text: &[u8]) -> bool {
    matcher().is_match(text)
}

/// Whether anything in `content` begins as a secret does: cheap enough to ask of every file.
pub(crate) fn may_hold(content: &Content) -> bool {
    strings(content).any(|(_, text, _)| matcher().is_match(text))
}

fn matcher() -> &'static AhoCorasick {
    static MATCHER: OnceLock<AhoCorasick> = OnceLock::new();
    MATCHER.get_or_init(|| {
        let prefixes = KINDS.iter().map(|kind| kind.prefix).chain([PRIVATE_KEY]);
        AhoCorasick::new(prefixes).expect("a list of short constants")
    })
}

/// Fields, texts and constants of programs, with their places.
pub(crate) fn strings(content: &Content) -> impl Iterator<Item = (&str, &str, Option<Span>)> {
    let fields = content.fields.iter().map(|field| (&*field.path, &*field.value, field.span));
    let texts = content.texts.iter().map(|text| (&*text.place, &*text.value, text.span));
    let ops = content.programs.iter().flat_map(|program| {
        program.ops.iter().filter_map(|op| match &op.kind {
            OpKind::Constant(Constant::Text(text)) => {
                Some((&*program.place, &**text, Some(op.span)))
            }
            _ => None,
        })
    });
    fields.chain(texts).chain(ops)
}

/// The secrets in `text`: what kind, the whole of it, how sure.
pub(crate) fn secrets(text: &str) -> Vec<(&'static str, &str, Confidence)> {
    let found =
        matcher().find_iter(text).filter_map(|found| match KINDS.get(found.pattern().as_usize()) {
            Some(kind) => token(kind, text, found.start(), found.end()),
            None => private_key(text, found.start(), found.end()),
        });
    found.collect()
}

fn token<'a>(
    kind: &Kind,
    text: &'a str,
    start: usize,
    end: usize,
) -> Option<(&'static str, &'a str, Confidence)> {
    let before = text.get(..start)?.bytes().next_back();
    let rest = text.get(end..)?;
    let len = rest.bytes().take_while(|byte| (kind.alphabet)(*byte)).count();
    let body = rest.get(..len)?;
    let apart = before.is_none_or(|byte| !dashed(byte));
    let varied = body.bytes().collect::<BTreeSet<u8>>().len() >= 10;
    let example = body.contains("EXAMPLE") || body.to_ascii_lowercase().contains("xxxxx");
    if !apart || !(kind.least..=kind.most).contains(&len) || !varied || example {
        return None;
    }
    let confidence = match kind.check.map(|check| check(body)) {
        Some(true) => Confidence::High,
        Some(false) if kind.prefix == "eyJ" => return None,
        Some(false) => Confidence::Low,
        None => Confidence::Medium,
    };
    Some((kind.name, text.get(start..end.checked_add(len)?)?, confidence))
}

fn private_key(text: &str, start: usize, end: usize) -> Option<(&'static str, &str, Confidence)> {
    let line = text.get(..start)?.rfind("-----BEGIN ")?;
    // The name of the algorithm stands between, and base64 behind.
    let apart = start.checked_sub(line)?;
    let digits = text.get(end..)?.bytes().filter(u8::is_ascii_alphanumeric).take(64).count();
    (apart <= 32 && digits == 64).then_some(("private key", text.get(line..end)?, Confidence::High))
}

/// The last six characters are the CRC-32 of those before them, in base 62 ("Behind GitHub's new
/// authentication token formats", 2021).
fn ends_in_checksum(body: &str) -> bool {
    const DIGITS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let Some((data, digits)) = body.len().checked_sub(6).and_then(|at| body.split_at_checked(at))
    else {
        return false;
    };
    let mut crc = u32::MAX;
    for byte in data.bytes() {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    let said = digits.bytes().try_fold(0_u64, |sum, digit| {
        let value = DIGITS.iter().position(|known| *known == digit)?;
        sum.checked_mul(62)?.checked_add(value as u64)
    });
    said == Some(u64::from(!crc))
}

/// Three parts in base64, the first of which is a header that names an algorithm (RFC 7519).
fn is_web_token(body: &str) -> bool {
    let parts: Vec<&str> = body.split('.').collect();
    // `"alg"` at each of the three alignments of base64.
    let named = parts.first().is_some_and(|head| {
        ["hbGci", "JhbGc", "ImFsZ", "YWxnI"].iter().any(|alg| head.contains(alg))
    });
    parts.len() == 3 && named && parts.get(1).is_some_and(|claims| claims.starts_with("eyJ"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(&'static str, Confidence)> {
        secrets(text).into_iter().map(|(name, _, confidence)| (name, confidence)).collect()
    }

    /// A token whose last six characters are the checksum of those before them.
    const TOKEN: &str = concat!("ghp", "_aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU13shKL4");

    #[test]
    fn tokens_are_known_by_their_structure() {
        assert_eq!(found(&format!("token={TOKEN}")), [("GitHub token", Confidence::High)]);
        let wrong = TOKEN.replace("KL4", "KL5");
        assert_eq!(found(&wrong), [("GitHub token", Confidence::Low)]);
        let own = concat!("hf", "_aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vX3z");
        assert_eq!(found(&format!("\"{own}\"")), [("Hugging Face token", Confidence::Medium)]);
        assert_eq!(
            found(concat!("AKI", "AQ3EGRZ5WJ7T2B4KX")),
            [("AWS access key", Confidence::Medium)]
        );
        let head =
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ3ZWlnaGJyaWRnZSIsImlhdCI6MX0.c2lnbmF0dXJlLW9mLXRlc3Rz";
        assert_eq!(found(head), [("JSON Web Token", Confidence::High)]);
    }

    #[test]
    fn private_keys_have_their_digits_with_them() {
        let key = format!(
            "-----BEGIN {} PRIVATE KEY-----\n{}\n",
            "OPENSSH",
            "b3BlbnNzaC1rZXktdjEA".repeat(5)
        );
        assert_eq!(found(&key), [("private key", Confidence::High)]);
        assert_eq!(found("paste it below -----BEGIN RSA PRIVATE KEY-----"), []);
    }

    #[test]
    fn examples_words_and_longer_names_are_none() {
        for text in [
            "AKIAIOSFODNN7EXAMPLE",
            "hf_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "password: hunter2",
            "github_token: ghp_",
            &format!("my_{TOKEN}"),
            "eyJhbGciOiJIUzI1NiJ9 is a header",
            "ASIA and EUROPE",
        ] {
            assert_eq!(found(text), [], "{text}");
        }
    }
}
