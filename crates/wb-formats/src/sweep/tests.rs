use super::*;
use wb_core::Tensor;

/// Numbers that look random and are the same every time.
fn random(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..len.div_ceil(8)).flat_map(|_| next()).take(len).collect()
}

fn found(data: &[u8]) -> Vec<String> {
    let tensor = |name: &str, start: u64, len: u64| Tensor {
        name: name.to_owned(),
        dtype: "U8".to_owned(),
        shape: vec![len],
        span: Some(Span::new(start, len)),
        strides: None,
    };
    let half = data.len() as u64 / 2;
    let tensors = vec![tensor("a", 0, half), tensor("b", half, data.len() as u64 - half)];
    let mut content = Content { tensors, ..Content::default() };
    sweep(Bytes::new(data), &mut content, &mut Budget::default());
    assert_eq!(content.gaps, []);
    content.oddities.into_iter().map(|oddity| oddity.what).collect()
}

/// The smallest executable that Windows' loader would look at.
fn windows() -> Vec<u8> {
    let mut bytes = b"MZ".to_vec();
    bytes.resize(0x3c, 0);
    bytes.extend(0x40_u32.to_le_bytes());
    bytes.extend(b"PE\0\0\x64\x86\x01\x00");
    bytes.resize(0x40 + 20, 0);
    bytes.extend([0xf0, 0, 0x22, 0, 0x0b, 0x02]);
    bytes.resize(400, 0);
    bytes
}

#[test]
fn a_file_is_found_wherever_it_begins_and_told_by_its_tensor() {
    for at in [1, 254, 255, 256, 257, 1_000, 9_000] {
        let mut data = random(10_000);
        data.splice(at..at + 400, windows());
        let (name, inside) = if at < 5_000 { ("a", at) } else { ("b", at - 5_000) };
        assert_eq!(
            found(&data),
            [format!("`{name}` holds a Windows executable at byte {inside}")],
            "{at}"
        );
    }
}

#[test]
fn beginnings_alone_are_no_files() {
    let magics: [&[u8]; 7] = [
        b"\x7fELF\x02\x01\x01\0",
        b"MZ\x90\0",
        b"PK\x03\x04\x14\0\0\0\x08\0",
        b"\x1f\x8b\x08\0\0\0\0\0\0\x03",
        b"\xfd7zXZ\0\0\x04",
        b"7z\xbc\xaf\x27\x1c\0\x04",
        b"\xcf\xfa\xed\xfe\x07\0\0\x01",
    ];
    for magic in magics {
        let mut data = random(10_000);
        for at in (0..9_900).step_by(97) {
            data[at..at + magic.len()].copy_from_slice(magic);
        }
        assert_eq!(found(&data), [""; 0], "{magic:?}");
    }
}

#[test]
fn random_numbers_hold_no_file() {
    assert_eq!(found(&random(16 << 20)), [""; 0]);
}

#[test]
fn archives_that_claim_each_other_end() {
    // Every header would look for the end of the directory by itself.
    let header = b"PK\x03\x04\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0a";
    assert_eq!(found(&header.repeat(100_000)), [""; 0]);
}
