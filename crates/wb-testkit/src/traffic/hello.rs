//! A TLS ClientHello (RFC 8446, section 4.1.2), as a browser or `curl` would send it.

/// What a ClientHello says.
#[derive(Clone, Debug, Default)]
pub struct Hello<'a> {
    /// `server_name`.
    pub server_name: Option<&'a str>,
    /// Application protocols, best first.
    pub protocols: Vec<&'a str>,
    /// Whether values of RFC 8701 are strewn in.
    pub grease: bool,
    /// Whether the client knows TLS 1.2 only.
    pub old: bool,
}

/// The handshake message.
pub fn client_hello(hello: &Hello<'_>) -> Vec<u8> {
    let mut ciphers: Vec<u16> = Vec::new();
    let mut extensions: Vec<(u16, Vec<u8>)> = Vec::new();
    if hello.grease {
        ciphers.push(0x3a3a);
        extensions.push((0x1a1a, Vec::new()));
    }
    if !hello.old {
        ciphers.extend([0x1301, 0x1302, 0x1303]);
    }
    ciphers.extend([0xc02b, 0xc02f, 0xc02c, 0xc030, 0x009c, 0x002f]);
    if let Some(name) = hello.server_name {
        let entry = [&[0][..], &sized16(name.as_bytes())].concat();
        extensions.push((0, sized16(&entry)));
    }
    extensions.push((0x17, Vec::new()));
    extensions.push((0xff01, vec![0]));
    extensions.push((0x0a, sized16(&words(&[0x001d, 0x0017, 0x0018]))));
    extensions.push((0x0b, vec![1, 0]));
    if !hello.protocols.is_empty() {
        let list: Vec<u8> = hello
            .protocols
            .iter()
            .flat_map(|name| [&[name.len() as u8], name.as_bytes()].concat())
            .collect();
        extensions.push((0x10, sized16(&list)));
    }
    extensions.push((0x0d, sized16(&words(&[0x0403, 0x0804, 0x0401, 0x0503, 0x0805]))));
    if !hello.old {
        extensions.push((0x2b, sized8(&words(&[0x0304, 0x0303]))));
        extensions.push((0x2d, vec![1, 1]));
        let share = [&words(&[0x001d])[..], &sized16(&[7; 32])].concat();
        extensions.push((0x33, sized16(&share)));
    }
    if hello.grease {
        extensions.push((0x2a2a, vec![0]));
    }
    let extensions: Vec<u8> = extensions
        .into_iter()
        .flat_map(|(kind, data)| [&kind.to_be_bytes()[..], &sized16(&data)].concat())
        .collect();
    let body = [
        &[3, 3][..],
        &[5; 32],
        &sized8(&[9; 32]),
        &sized16(&words(&ciphers)),
        &[1, 0],
        &sized16(&extensions),
    ]
    .concat();
    let length = (body.len() as u32).to_be_bytes();
    [&[1][..], &length[1..], &body].concat()
}

/// A handshake message in a TLS record.
pub(super) fn record(message: &[u8]) -> Vec<u8> {
    [&[0x16, 3, 1][..], &sized16(message)].concat()
}

fn words(values: &[u16]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_be_bytes()).collect()
}

fn sized8(data: &[u8]) -> Vec<u8> {
    [&[data.len() as u8], data].concat()
}

fn sized16(data: &[u8]) -> Vec<u8> {
    [&(data.len() as u16).to_be_bytes()[..], data].concat()
}
