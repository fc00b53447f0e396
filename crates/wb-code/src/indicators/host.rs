//! What is a host name and what only looks like one: file names, attributes and versions have dots too.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Last labels that are not the endings of files or attributes: a name ending in one is a host.
const CLEAR: &str = "\
    com org net edu gov mil arpa biz example invalid internal onion i2p lan localdomain corp \
    intranet eu uk de fr nl ru su cn jp kr br au ca ch se no dk fi pt gr cz hu ro bg ua by kz ir \
    il tr sa za ng ke mx ar cl pe hk tw sg vn th ph nz ie lt lv ee sk tk ga cf gq xyz online \
    website icu tech space cloud club vip monster buzz shop click ninja rocks agency company \
    solutions services systems email hosting ngrok network digital media news wiki team cfd sbs \
    quest lol";

/// Last labels that are attributes, functions or folders as well. They need more: no name of code in
/// front, lower case, and nothing that makes it a call.
const AMBIGUOUS: &str = "\
    io ai dev app co me us tv ws gg ly be es at im ml info name test local localhost pro top \
    site live store link page host work world life zone today stream download fun red blue pub \
    home sh to in it is id run so cc fm pw la onl";

/// First labels that begin a dotted name of code, never a host of interest.
const CODE: &str = "\
    self cls super this os sys io re json np numpy tf tensorflow torch keras jax jnp nn pd \
    pandas scipy sklearn skimage math logging logger log model models layer layers config args \
    kwargs params requests urllib http socket subprocess threading asyncio builtins collections \
    functools pickle joblib transformers tokenizer encoder decoder message messages namespace ns \
    loop obj data dataset tensor device optimizer module modules request response resp res \
    context ctx test tests unittest pytest process event x y z i e f s p d java javax org com ai \
    dev net matplotlib plt std string str";

/// Words before a name that make it a host whatever its ending is.
const NETWORK_WORDS: &str = "\
    curl wget nslookup dig host ping ping6 nc ncat netcat ssh scp sftp ftp telnet socat \
    traceroute whois domain hostname dns query server sni server_name fqdn resolver nameserver";

/// What stands around a token.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Around<'a> {
    /// The byte before it.
    pub before: Option<u8>,
    /// Whether a comparison such as `==` stands before it, as in a requirement.
    pub compared: bool,
    /// The byte after it.
    pub after: Option<u8>,
    /// The word before it, lower case letters only where it matters.
    pub word: &'a str,
}

impl Around<'_> {
    fn names_network(&self) -> bool {
        listed(NETWORK_WORDS, &self.word.to_ascii_lowercase())
    }
}

/// Whether `token` (letters, digits, `-`, `_`, `.`) is a host name here.
pub(super) fn is_domain(token: &str, around: Around<'_>) -> bool {
    if token.len() > 253 || !has_labels(token) {
        return false;
    }
    let mut labels = token.split('.');
    let first = labels.next().unwrap_or_default();
    let Some(last) = token.rsplit('.').next() else { return false };
    let last = last.to_ascii_lowercase();
    if matches!(around.after, Some(b'(' | b'[' | b'=')) && !around.names_network() {
        return false;
    }
    if around.before == Some(b'/') || matches!(around.word, "import" | "from" | "module") {
        return false;
    }
    if first.eq_ignore_ascii_case("www") {
        return is_name_ending(&last);
    }
    if listed(CLEAR, &last) {
        let code = listed(CODE, first) && token.matches('.').count() == 1 && last != "example";
        return !code && !has_inner_underscore(token);
    }
    let network =
        around.names_network() || around.after == Some(b':') && around.before != Some(b'.');
    if listed(AMBIGUOUS, &last) {
        let lower = !token.bytes().any(|byte| byte.is_ascii_uppercase() || byte == b'_');
        let telling = network
            || token.contains('-')
            || token.matches('.').count() >= 2
            || !matches!(last.as_str(), "sh" | "to" | "in" | "it" | "is" | "id" | "run" | "so");
        return lower && telling && !listed(CODE, first);
    }
    around.names_network() && is_name_ending(&last) && !is_file_ending(&last)
}

/// Whether `token` is a host name where only a host can stand: in a URL, after `@`.
pub(super) fn is_host(token: &str) -> bool {
    has_labels(token) && token.rsplit('.').next().is_some_and(is_name_ending)
}

/// An IPv4 address, unless it is a version number.
pub(super) fn ipv4(token: &str, around: Around<'_>) -> Option<Ipv4Addr> {
    let address = token.parse::<Ipv4Addr>().ok()?;
    let version = matches!(around.word, "version" | "ver" | "release" | "v") || around.compared;
    (!version).then_some(address)
}

/// An IPv6 address, unless it is a time, a slice or a scope operator.
pub(super) fn ipv6(token: &str) -> Option<Ipv6Addr> {
    let address = token.parse::<Ipv6Addr>().ok()?;
    let groups = token.split(':').filter(|group| !group.is_empty()).count();
    let long = token.split(':').any(|group| group.len() >= 3);
    (groups >= 2 && long).then_some(address)
}

fn has_labels(token: &str) -> bool {
    token.contains('.')
        && token.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
        && token.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// Whether `word` is one of the words of `list`, which spaces separate.
pub(super) fn listed(list: &str, word: &str) -> bool {
    list.split(' ').any(|one| one == word)
}

/// Letters only, two or more, or punycode.
fn is_name_ending(last: &str) -> bool {
    (last.len() >= 2 && last.bytes().all(|byte| byte.is_ascii_alphabetic()))
        || last.to_ascii_lowercase().starts_with("xn--")
}

/// Underscores are used in host names only at the front of service labels.
fn has_inner_underscore(token: &str) -> bool {
    token.split('.').any(|label| label.trim_start_matches('_').contains('_'))
}

fn is_file_ending(last: &str) -> bool {
    const ENDINGS: &str = "\
        py pkl json txt sh log conf cfg yml yaml xml html js zip gz tar tgz bin pem key crt csv \
        md so exe dll php";
    listed(ENDINGS, last)
}
