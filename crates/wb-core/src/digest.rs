//! Digests: of artifacts as measured, and as somebody recorded them.

use std::fmt;

/// A SHA-256 digest of an artifact's bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256(pub [u8; 32]);

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sha256({self})")
    }
}

/// The algorithms that logs and manifests record digests in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DigestAlgorithm {
    /// MD5, 16 bytes.
    Md5,
    /// SHA-1, 20 bytes.
    Sha1,
    /// SHA-256, 32 bytes.
    Sha256,
    /// SHA-512, 64 bytes.
    Sha512,
}

impl DigestAlgorithm {
    /// Length of a full digest in hexadecimal digits.
    pub const fn hex_len(self) -> usize {
        match self {
            Self::Md5 => 32,
            Self::Sha1 => 40,
            Self::Sha256 => 64,
            Self::Sha512 => 128,
        }
    }

    /// The name as `sha256sum` and its kin write it: lower case, no hyphen.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }
}

/// A digest as somebody wrote it down: lower-case hexadecimal, whole or a prefix of at least 8 digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Digest {
    /// The algorithm, as named beside the value or known by its length.
    pub algorithm: DigestAlgorithm,
    /// Lower-case hexadecimal digits.
    pub hex: String,
}

impl Digest {
    /// The shortest prefix that is taken as a digest, in hexadecimal digits.
    pub const SHORTEST_PREFIX: usize = 8;

    /// A digest of `algorithm` from its digits; `None` unless they are hexadecimal, at least
    /// [`Self::SHORTEST_PREFIX`] and at most a whole digest.
    pub fn new(algorithm: DigestAlgorithm, hex: &str) -> Option<Self> {
        let fits = (Self::SHORTEST_PREFIX..=algorithm.hex_len()).contains(&hex.len());
        let digits = hex.bytes().all(|byte| byte.is_ascii_hexdigit());
        (fits && digits).then(|| Self { algorithm, hex: hex.to_ascii_lowercase() })
    }

    /// Whether only the beginning of the digest was written down.
    pub fn is_prefix(&self) -> bool {
        self.hex.len() < self.algorithm.hex_len()
    }

    /// Whether the SHA-256 `actual` is the one recorded; `None` for other algorithms.
    pub fn matches(&self, actual: &Sha256) -> Option<bool> {
        (self.algorithm == DigestAlgorithm::Sha256)
            .then(|| actual.to_string().starts_with(&self.hex))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_matches_the_digest_it_begins() {
        let actual = Sha256([0xab; 32]);
        let prefix = Digest::new(DigestAlgorithm::Sha256, "ABABABAB").expect("eight digits");
        assert!(prefix.is_prefix());
        assert_eq!(prefix.matches(&actual), Some(true));
        let other = Digest::new(DigestAlgorithm::Sha256, "abababac").expect("eight digits");
        assert_eq!(other.matches(&actual), Some(false));
        assert!(Digest::new(DigestAlgorithm::Sha256, "ababab").is_none());
        assert!(Digest::new(DigestAlgorithm::Md5, &"a".repeat(33)).is_none());
    }
}
