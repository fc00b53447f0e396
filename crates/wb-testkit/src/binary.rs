//! Binary containers by recipe: zip, tar, gzip, safetensors, GGUF.

use flate2::{Compression, Crc, GzBuilder};
use serde::Deserialize;
use std::io::{Read as _, Write as _};

/// A zip archive with stored members (APPNOTE.TXT 6.3, without data descriptors).
pub fn zip(members: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut directory = Vec::new();
    for (name, data) in members {
        let offset = out.len() as u32;
        let mut crc = Crc::new();
        crc.update(data);
        let size = data.len() as u32;
        let mut common = Vec::new();
        // Version 2.0, no flags, stored, 1980-01-01 00:00.
        for field in [20u16, 0, 0, 0, 0x21] {
            common.extend(field.to_le_bytes());
        }
        for field in [crc.sum(), size, size] {
            common.extend(field.to_le_bytes());
        }
        common.extend((name.len() as u16).to_le_bytes());
        common.extend(0u16.to_le_bytes());
        out.extend(b"PK\x03\x04");
        out.extend(&common);
        out.extend(name.as_bytes());
        out.extend(data);
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&common);
        // Comment length, disk, internal and external attributes.
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let start = out.len() as u32;
    let count = members.len() as u16;
    out.extend(&directory);
    out.extend(b"PK\x05\x06\x00\x00\x00\x00");
    out.extend(count.to_le_bytes());
    out.extend(count.to_le_bytes());
    out.extend((directory.len() as u32).to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend(0u16.to_le_bytes());
    out
}

/// A tar archive of plain files (POSIX.1-1988 ustar).
pub fn tar(members: &[(String, Vec<u8>)]) -> Vec<u8> {
    const BLOCK: usize = 512;
    let mut out = Vec::new();
    for (name, data) in members {
        let mut header = [0_u8; BLOCK];
        let mut set = |at: usize, text: &[u8]| header[at..at + text.len()].copy_from_slice(text);
        set(0, name.as_bytes());
        set(100, b"0000644\0");
        set(108, b"0000000\0");
        set(116, b"0000000\0");
        set(124, format!("{:011o}\0", data.len()).as_bytes());
        set(136, b"00000000000\0");
        // The checksum is taken with blanks in its own place.
        set(148, b"        ");
        header[156] = b'0';
        header[257..265].copy_from_slice(b"ustar\x0000");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        out.extend(header);
        out.extend(data);
        out.resize(out.len().next_multiple_of(BLOCK), 0);
    }
    out.resize(out.len() + 2 * BLOCK, 0);
    out
}

/// Compresses with gzip, without name and time, so that the same data gives the same bytes.
///
/// # Errors
/// None in memory; the type is that of the library.
pub fn gzip(data: &[u8]) -> Result<Vec<u8>, String> {
    let mut writer = GzBuilder::new().mtime(0).write(Vec::new(), Compression::default());
    writer.write_all(data).map_err(|error| error.to_string())?;
    writer.finish().map_err(|error| error.to_string())
}

/// What is under zlib.
///
/// # Errors
/// What is wrong with it.
pub fn inflate(data: &[u8]) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let mut reader = flate2::read::ZlibDecoder::new(data);
    reader.read_to_end(&mut out).map_err(|error| error.to_string())?;
    Ok(out)
}

/// A safetensors file: F32 tensors of made-up numbers, and metadata.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Safetensors {
    /// Name and shape of each tensor.
    pub tensors: Vec<(String, Vec<usize>)>,
    /// Keys and values of `__metadata__`.
    #[serde(default)]
    pub metadata: Vec<(String, String)>,
}

/// Writes a safetensors file.
pub fn safetensors(file: &Safetensors) -> Vec<u8> {
    let mut entries = Vec::new();
    if !file.metadata.is_empty() {
        let pairs: Vec<String> =
            file.metadata.iter().map(|(key, value)| format!("{key:?}:{value:?}")).collect();
        entries.push(format!("\"__metadata__\":{{{}}}", pairs.join(",")));
    }
    let mut data: Vec<u8> = Vec::new();
    for (name, shape) in &file.tensors {
        let begin = data.len();
        for index in 0..shape.iter().product::<usize>() {
            data.extend(made_up(index, begin).to_le_bytes());
        }
        entries.push(format!(
            "{name:?}:{{\"dtype\":\"F32\",\"shape\":{shape:?},\"data_offsets\":[{begin},{}]}}",
            data.len()
        ));
    }
    let mut header = format!("{{{}}}", entries.join(",")).into_bytes();
    header.resize(header.len().next_multiple_of(8), b' ');
    let mut out = (header.len() as u64).to_le_bytes().to_vec();
    out.extend(header);
    out.extend(data);
    out
}

/// A number between -1 and 1 that depends on its position only.
fn made_up(index: usize, seed: usize) -> f32 {
    let mixed =
        (index.wrapping_mul(2_654_435_761)).wrapping_add(seed.wrapping_mul(40_503)) % 20_011;
    mixed as f32 / 10_005.5 - 1.0
}

/// A GGUF file of version 3: text metadata and F32 tensors.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gguf {
    /// Keys and text values.
    pub metadata: Vec<(String, String)>,
    /// Name and shape of each tensor.
    #[serde(default)]
    pub tensors: Vec<(String, Vec<usize>)>,
}

/// Writes a GGUF file.
pub fn gguf(file: &Gguf) -> Vec<u8> {
    const STRING: u32 = 8;
    const ALIGNMENT: usize = 32;
    let mut out = b"GGUF\x03\x00\x00\x00".to_vec();
    let text = |out: &mut Vec<u8>, text: &str| {
        out.extend((text.len() as u64).to_le_bytes());
        out.extend(text.as_bytes());
    };
    out.extend((file.tensors.len() as u64).to_le_bytes());
    out.extend((file.metadata.len() as u64).to_le_bytes());
    for (key, value) in &file.metadata {
        text(&mut out, key);
        out.extend(STRING.to_le_bytes());
        text(&mut out, value);
    }
    let mut data: Vec<u8> = Vec::new();
    for (name, shape) in &file.tensors {
        data.resize(data.len().next_multiple_of(ALIGNMENT), 0);
        text(&mut out, name);
        out.extend((shape.len() as u32).to_le_bytes());
        for size in shape {
            out.extend((*size as u64).to_le_bytes());
        }
        out.extend(0u32.to_le_bytes());
        out.extend((data.len() as u64).to_le_bytes());
        for index in 0..shape.iter().product::<usize>() {
            data.extend(made_up(index, data.len()).to_le_bytes());
        }
    }
    if !data.is_empty() {
        out.resize(out.len().next_multiple_of(ALIGNMENT), 0);
        out.extend(data);
    }
    out
}
