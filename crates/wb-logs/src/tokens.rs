//! Tokens inside a line: addresses, host names, model files, identifiers of changes.

use crate::scan::leading;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Somewhere on a network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) address: Option<String>,
    pub(crate) host: Option<String>,
    pub(crate) port: Option<u16>,
    /// The path, when it was written as a URL.
    pub(crate) path: Option<String>,
}

/// File name endings of models and of what is packed with them. Longer endings count as well.
const MODEL_ENDINGS: &[&str] = &[
    "pkl",
    "pickle",
    "pt",
    "pth",
    "bin",
    "h5",
    "hdf5",
    "keras",
    "safetensors",
    "gguf",
    "ggml",
    "onnx",
    "joblib",
    "dill",
    "npz",
    "npy",
    "pb",
    "tflite",
    "mar",
    "ckpt",
    "model",
    "ot",
    "nemo",
    "engine",
    "plan",
    "msgpack",
    "mlmodel",
    "mlpackage",
    "skops",
    "cbm",
    "ubj",
    "pdparams",
    "params",
    "sav",
    "weights",
    "torchscript",
    "ptl",
    "llamafile",
    "llm",
    "tar",
    "tgz",
    "zip",
    "gz",
    "orbax",
    "marisa",
];

/// Other endings that make a token a file and not a host.
const FILE_ENDINGS: &[&str] = &[
    "txt",
    "log",
    "json",
    "jsonl",
    "yaml",
    "yml",
    "toml",
    "py",
    "pyc",
    "sh",
    "so",
    "conf",
    "cfg",
    "ini",
    "csv",
    "tsv",
    "md",
    "html",
    "xml",
    "js",
    "ts",
    "rs",
    "go",
    "cc",
    "cpp",
    "java",
    "jar",
    "whl",
    "lock",
    "service",
    "socket",
    "timer",
    "target",
    "mount",
    "scope",
    "slice",
    "pid",
    "tmp",
    "bak",
    "old",
    "new",
    "sock",
    "db",
    "sqlite",
    "exe",
    "dll",
    "pem",
    "crt",
    "key",
    "sig",
    "asc",
    "sha256",
    "md5",
    "gz",
    "xz",
    "bz2",
    "zst",
    "pcap",
    "pcapng",
    "png",
    "jpg",
    "jinja",
    "jinja2",
    "tpl",
    "cmd",
    "bat",
    "ps1",
    "swp",
    "local_model",
    "h",
    "c",
    "rb",
    "proto",
    "parquet",
    "arrow",
    "pyd",
    "pth",
    "egg",
    "patch",
    "diff",
];

/// A token without the punctuation around it.
pub(crate) fn bare(token: &str) -> &str {
    let token = token.trim_start_matches(['"', '\'', '`', '(', '[', '{', '<', ',', ';', '|']);
    let token = token.trim_end_matches(['"', '\'', '`', ',', ';', '|', '!', '?', '>', '}']);
    let token = token.trim_end_matches(['.', ':', '…']);
    let closed = token.trim_end_matches([')', ']', '"', '\'']);
    if closed.contains(['(', '[']) { token } else { closed }
}

/// The lower-case ending of a file name: what follows the last dot of the last component.
fn ending(token: &str) -> Option<&str> {
    let name = token.rsplit(['/', '\\']).next()?;
    let (stem, ending) = name.rsplit_once('.')?;
    (!stem.is_empty() && !ending.is_empty()).then_some(ending)
}

/// Whether `token` names a model file, or a blob of a model store.
pub(crate) fn is_model_file(token: &str) -> bool {
    let may_be = token.len() <= 1024
        && (memchr::memchr(b'.', token.as_bytes()).is_some() || token.contains("sha256-"));
    if !may_be || token.contains("://") {
        return false;
    }
    let blob = token.rsplit('/').next().is_some_and(|name| {
        name.strip_prefix("sha256-").is_some_and(|hex| hex.len() >= 12 && is_hex(hex))
    });
    let model = ending(token).is_some_and(|ending| is_in(MODEL_ENDINGS, ending));
    blob || (model && token.chars().all(is_path_character))
}

/// Whether `token` names a file of any known kind.
pub(crate) fn is_file(token: &str) -> bool {
    if memchr::memchr(b'.', token.as_bytes()).is_none() {
        return is_model_file(token);
    }
    is_model_file(token)
        || (token.chars().all(is_path_character)
            && ending(token).is_some_and(|ending| is_in(FILE_ENDINGS, ending)))
}

fn is_in(endings: &[&str], ending: &str) -> bool {
    endings.iter().any(|known| known.eq_ignore_ascii_case(ending))
}

fn is_path_character(character: char) -> bool {
    character.is_alphanumeric() || "/\\._-+~@#%:".contains(character)
}

/// Whether all of `text` are hexadecimal digits.
pub(crate) fn is_hex(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// `address`, `address:port`, `[v6]:port`, `host:port`, a host name, or a URL.
pub(crate) fn endpoint(token: &str) -> Option<Endpoint> {
    if token.len() > 2048 {
        return None;
    }
    if let Some((scheme, rest)) = token.split_once("://") {
        return url_endpoint(scheme, rest);
    }
    if let Some(address) = address(token) {
        return Some(Endpoint { address: Some(address), ..Endpoint::default() });
    }
    let (name, port) = token.rsplit_once(':')?.into_parts()?;
    let name = name.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(name);
    if let Some(address) = address(name) {
        return Some(Endpoint { address: Some(address), port: Some(port), ..Endpoint::default() });
    }
    is_host_label(name).then(|| Endpoint {
        host: Some(name.to_ascii_lowercase()),
        port: Some(port),
        ..Endpoint::default()
    })
}

/// Like [`endpoint`], for places where a host name without a port is expected too.
pub(crate) fn named_endpoint(token: &str) -> Option<Endpoint> {
    endpoint(token).or_else(|| {
        let name = token.trim_end_matches('.');
        is_host_label(name)
            .then(|| Endpoint { host: Some(name.to_ascii_lowercase()), ..Endpoint::default() })
    })
}

trait PortParts<'a> {
    fn into_parts(self) -> Option<(&'a str, u16)>;
}

impl<'a> PortParts<'a> for (&'a str, &'a str) {
    fn into_parts(self) -> Option<(&'a str, u16)> {
        let (name, port) = self;
        let port = leading(port, |byte| byte.is_ascii_digit());
        (port.len() == self.1.len()).then(|| Some((name, port.parse().ok()?)))?
    }
}

fn url_endpoint(scheme: &str, rest: &str) -> Option<Endpoint> {
    let (authority, path) = match rest.find(['/', '?', '#']) {
        Some(at) => (rest.get(..at)?, rest.get(at..)),
        None => (rest, None),
    };
    let authority = authority.rsplit('@').next()?;
    let default_port = match scheme.to_ascii_lowercase().as_str() {
        "http" | "ws" => Some(80),
        "https" | "wss" => Some(443),
        _ => None,
    };
    let mut endpoint = named_endpoint(authority)?;
    endpoint.port = endpoint.port.or(default_port);
    endpoint.path = path.map(str::to_owned);
    Some(endpoint)
}

/// An IP address, as [`IpAddr`] prints it. Only text that can be one is tried.
pub(crate) fn address(text: &str) -> Option<String> {
    let text = text.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(text);
    let first = text.as_bytes().first()?;
    if !first.is_ascii_hexdigit() && *first != b':' {
        return None;
    }
    if let Ok(v4) = text.parse::<Ipv4Addr>() {
        return Some(v4.to_string());
    }
    if text.bytes().filter(|&byte| byte == b':').count() < 2 {
        return None;
    }
    let unscoped = text.split('%').next()?;
    unscoped.parse::<Ipv6Addr>().ok().map(|v6| IpAddr::V6(v6).to_canonical().to_string())
}

/// A name that can be a host: letters, digits, hyphens, dots and underscores, with a letter in it.
fn is_host_label(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 253
        && name.split('.').all(|label| !label.is_empty() && label.len() <= 63)
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
        && name.bytes().any(|byte| byte.is_ascii_alphabetic())
        && !name.starts_with('-')
}

/// Whether `token` is a host name beyond doubt: it has a dot, ends in letters, and is no file.
pub(crate) fn is_domain(token: &str) -> bool {
    let Some((stem, last)) = token.rsplit_once('.') else { return false };
    is_host_label(token)
        && last.len() >= 2
        && last.bytes().all(|byte| byte.is_ascii_lowercase())
        && stem.bytes().any(|byte| byte.is_ascii_alphabetic())
        && !token.contains('_')
        && !is_file(token)
}

/// Whether `name` looks like the name of a machine: `infer-gpu-03`, `ml1`, `node.cluster.internal`.
pub(crate) fn is_machine(name: &str) -> bool {
    let short = name.split('.').next().unwrap_or(name);
    let numbered = short.bytes().last().is_some_and(|byte| byte.is_ascii_digit())
        && short.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
    is_host_label(name)
        && name.bytes().all(|byte| !byte.is_ascii_uppercase())
        && (numbered && short.contains('-') || is_domain(name))
}

/// Prefixes of identifiers that name a change.
const CHANGE_PREFIXES: &[&str] = &[
    "CHG", "CHANGE", "REQ", "RITM", "CR", "CM", "RFC", "TKT", "TICKET", "TASK", "SCTASK", "DEPLOY",
    "DEP", "REL", "RELEASE", "MR", "PR", "MLOPS", "OPS", "ML", "PLAT", "INFRA", "DEVOPS", "SRE",
    "CAB", "ROLL", "WO", "SR", "CRQ", "MOD", "MODEL", "AI", "APR", "APPR",
];

/// Prefixes of identifiers that name an incident.
const INCIDENT_PREFIXES: &[&str] =
    &["INC", "INCIDENT", "IR", "SEC", "SOC", "SIR", "CASE", "ALERT", "SIEM", "CSIRT", "PRB"];

/// Prefixes that look like a project's and are not.
const NOT_PREFIXES: &[&str] = &[
    "UTF", "SHA", "ISO", "AES", "CVE", "CWE", "GPU", "CPU", "TLS", "SSL", "HTTP", "IPV", "IP",
    "MD", "RULE", "FP", "INT", "BERT", "GPT", "LLAMA", "CUDA", "NVIDIA", "RSA", "ED", "EC", "TCP",
    "UDP", "PORT", "PID", "RC", "GMT", "UTC", "LAYER", "EPOCH", "STEP", "PART", "BLOCK", "ERR",
    "ERROR", "WARN", "CODE", "NODE", "HOST", "ID", "VLAN", "USB", "SSH", "EXIT", "MISTRAL", "QWEN",
    "PHI", "GEMMA", "VPC",
];

/// What an identifier such as `CHG-4471` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reference {
    Change,
    Incident,
    /// It has the form, and only its surroundings can tell.
    Unclear,
}

/// What `token` names, when it has the form of an identifier in a change or incident system:
/// `CHG-4471`, `ML-882`, `CHG0012345`.
pub(crate) fn reference(token: &str) -> Option<Reference> {
    let prefix = leading(token, |byte| byte.is_ascii_uppercase());
    let rest = token.get(prefix.len()..)?;
    let digits = rest.strip_prefix('-').unwrap_or(rest);
    let dashed = digits.len() != rest.len();
    let enough = if dashed { 1 } else { 5 };
    if prefix.len() < 2 || prefix.len() > 10 || digits.len() < enough || digits.len() > 12 {
        return None;
    }
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) || NOT_PREFIXES.contains(&prefix) {
        return None;
    }
    if INCIDENT_PREFIXES.contains(&prefix) {
        return Some(Reference::Incident);
    }
    if CHANGE_PREFIXES.contains(&prefix) {
        return Some(Reference::Change);
    }
    (digits.len() >= 2).then_some(Reference::Unclear)
}

/// Whether `token` is a version: `v2`, `1.0.0`, `v2.4.1-rc1`.
pub(crate) fn is_version(token: &str) -> bool {
    let number = token.strip_prefix(['v', 'V']).unwrap_or(token);
    let marked = number.len() != token.len();
    let core = leading(number, |byte| byte.is_ascii_digit() || byte == b'.');
    let parts = core.split('.').filter(|part| !part.is_empty()).count();
    let rest = number.get(core.len()..).unwrap_or_default();
    let numeric = core.bytes().next().is_some_and(|byte| byte.is_ascii_digit());
    numeric
        && !core.ends_with('.')
        && core.split('.').all(|part| part.len() <= 8)
        && (parts >= 2 || marked)
        && (rest.is_empty() || rest.starts_with(['-', '+', 'r', 'a', 'b']))
        && token.len() <= 40
        && address(token).is_none()
        && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-+_".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints() {
        let of = |text| endpoint(text).map(|end| (end.address, end.host, end.port));
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(of("10.0.0.1:443"), Some((some("10.0.0.1"), None, Some(443))));
        assert_eq!(of("[2001:db8::1]:53"), Some((some("2001:db8::1"), None, Some(53))));
        assert_eq!(of("::ffff:192.0.2.1"), Some((some("192.0.2.1"), None, None)));
        assert_eq!(of("Hub.example:8443"), Some((None, some("hub.example"), Some(8443))));
        assert_eq!(of("https://hub.example/x?y"), Some((None, some("hub.example"), Some(443))));
        for text in ["12:30:45", "a.b", "1.2.3", "x:y", "10.0.0.1:99999", "", ":", "[]:1"] {
            assert_eq!(of(text), None, "{text}");
        }
    }

    #[test]
    fn files_are_no_hosts_and_hosts_no_files() {
        assert!(is_model_file("prod/model.pkl") && is_model_file("code_v2.4.1.pkl"));
        assert!(is_model_file("/r/blobs/sha256-e8ad13eff07a78d89926e9e8b882317d"));
        assert!(
            !is_model_file("telemetry-hub.example")
                && !is_model_file(".pkl")
                && !is_model_file("pkl")
        );
        assert!(is_domain("telemetry-hub.example") && is_domain("a.b.internal"));
        for text in ["app.py", "model.pkl", "1.0.0", "v2.4.1", "os.system.", "vllm.service", "e.g"]
        {
            assert!(!is_domain(text), "{text}");
        }
    }

    #[test]
    fn references() {
        assert_eq!(reference("CHG-4471"), Some(Reference::Change));
        assert_eq!(reference("CHG0012345"), Some(Reference::Change));
        assert_eq!(reference("INC-20931"), Some(Reference::Incident));
        assert_eq!(reference("FOO-12"), Some(Reference::Unclear));
        for text in
            ["UTF-8", "SHA-256", "EGRESS-RULE-12", "CVE-2026-1", "chg-1", "A-1", "CHG-", "GPT-4"]
        {
            assert_eq!(reference(text), None, "{text}");
        }
    }

    #[test]
    fn versions() {
        for text in ["v1.0.0", "2.4.1", "v2", "5.0.2-rc1"] {
            assert!(is_version(text), "{text}");
        }
        for text in ["2", "1.9s", "10.0.0.1", "v", "1.", "abc"] {
            assert!(!is_version(text), "{text}");
        }
    }
}
