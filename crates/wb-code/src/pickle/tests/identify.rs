//! What is a pickle and what is not.

use crate::pickle::is_pickle;
use wb_core::Bytes;

#[track_caller]
fn check(data: &[u8], expected: bool) {
    assert_eq!(is_pickle(Bytes::new(data)), expected, "{:?}", String::from_utf8_lossy(data));
}

#[test]
fn pickles_of_all_protocols_are_told() {
    check(b"(lp0\nI1\naI2\na.", true);
    check(b"(dp0\n.", true);
    check(b"I42\n.", true);
    check(b"]q\x00K\x01a.", true);
    check(b"\x80\x02N.", true);
    check(b"\x80\x04\x95\x02\0\0\0\0\0\0\0N.", true);
    check(b"\x8c\x02os\x8c\x06system\x93\x8c\x02id\x85R.", true);
    // Cut off or broken after a call.
    check(b"cos\nsystem\n(S'echo x'\ntR\xff", true);
    check(b"\x80\x04\x95\xff\xff\0\0\0\0\0\0]\x94(\x8c\x01a", true);
}

#[test]
fn everything_else_is_not() {
    let texts = [
        "",
        ".",
        "c",
        "(",
        "class Foo:\n    pass\n",
        "cat\ndog\nN.\n",
        "import os\nos.system('id')\n",
        "(important\nnote\nfor us).\n",
        "(in\nparis\n.\n",
        "Very\nlong.\n",
        "Paris\nRome.\n",
        "I am.\n",
        "{\"a\": 1}\n",
        "[1, 2]\n",
        "c,a,b\n1,2,3\n",
        "}\n",
        "]\n",
        "Goodbyes..",
        "K1 and K2.\n",
        "%PDF-1.7\n",
        "#!/bin/sh\nexit\n",
        "<html>\n",
        "GET / HTTP/1.1\n",
        "CREATE TABLE t;\n",
        "Licensed under the Apache License.\n",
        "N.B. this is text\n",
        "(c) 2026 Someone\n.\n",
        "Subject: hello\n\nFrom me.\n",
        "V1.0\n\nFirst version.\n",
        "S'x\n",
    ];
    for text in texts {
        check(text.as_bytes(), false);
    }
    check(b"RIFF\x24\x08\0\0WAVEfmt \x10\0\0\0\x01\0\x02\0", false);
    check(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0", false);
    check(b"PK\x03\x04\x14\0\0\0\x08\0", false);
    check(b"\x89HDF\r\n\x1a\n\0\0\0\0", false);
    check(b"\x80\x02\xff\xff\xff\xff", false);
    check(b"\x80\x81\x82\x83\x84\x85", false);
    check(b"GGUF\x03\0\0\0\0\0\0\0\0\0\0\0", false);
}

#[test]
fn random_bytes_are_no_pickles() {
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    for _ in 0..20_000 {
        let mut data = [0_u8; 64];
        for byte in &mut data {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            *byte = u8::try_from(state & 0xff).expect("masked");
        }
        check(&data, false);
    }
}

#[test]
fn a_call_behind_padding_is_told() {
    let call = b"cos\nsystem\n(S'echo x'\ntR.";
    let line = [b"S'", vec![b'a'; 2 << 20].as_slice(), b"'\n0"].concat();
    for padding in [&b"(".repeat(100_000), &b"N0".repeat(100_000), &b"N.".repeat(5_000), &line] {
        check(&[padding.as_slice(), call].concat(), true);
        check(padding, false);
    }
}
