//! `fingerprint.pb`, which TensorFlow writes beside a SavedModel: hashes of its parts.
//!
//! Specification: `FingerprintDef` in `tensorflow/core/protobuf/fingerprint.proto`.

use crate::protobuf::{Field as Wire, Fields, Value, Walk, each};
use crate::{Family, Reader, Request};
use wb_core::{Budget, Bytes, Content, Field, Strength};

pub(crate) const FORMAT: Reader = Reader {
    title: "Fingerprint of a TensorFlow SavedModel",
    endings: &["fingerprint.pb"],
    family: Family::Source,
    refines: &[],
    identify,
    parse,
    named: None,
};

/// Fingerprints are never longer, in bytes.
const LONGEST: usize = 1 << 12;

/// The hashes, by the number of their field less one.
const HASHES: [&str; 5] = [
    "saved_model_checksum",
    "graph_def_program_hash",
    "signature_def_hash",
    "saved_object_graph_hash",
    "checkpoint_hash",
];
const VERSION: u32 = 6;
const UUID: u32 = 7;

/// The first four hashes, each once, and nothing that a fingerprint does not have, to the last byte.
fn identify(input: Bytes<'_>) -> Option<Strength> {
    if input.len() > LONGEST {
        return None;
    }
    let mut fields = Fields::of(input);
    let mut hashes = 0_u32;
    while let Some(field) = fields.next().ok()? {
        match (field.number, field.value) {
            (1..=5, Value::Varint(_)) => hashes = hashes.saturating_add(1),
            (VERSION, Value::Bytes(version)) if version.len() <= 64 => {}
            (UUID, Value::Bytes(uuid)) if uuid.as_slice().iter().all(u8::is_ascii_graphic) => {}
            _ => return None,
        }
    }
    matches!(hashes, 4 | 5).then_some(Strength::Weak)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let mut walk = Walk::new(budget);
    each(input, "fingerprint", &mut walk, |field, walk| {
        let name = match field.number {
            VERSION => "version",
            UUID => "uuid",
            number => {
                let index = usize::try_from(number).unwrap_or(0).checked_sub(1);
                match index.and_then(|index| HASHES.get(index)) {
                    Some(name) => name,
                    None => return,
                }
            }
        };
        walk.once(&field, name);
        content.fields.push(Field { path: name.to_owned(), value: value(&field), span: Some(field.span) });
    });
    content.oddities = walk.notes.oddities;
    content.gaps = walk.notes.gaps;
    content
}

fn value(field: &Wire<'_>) -> String {
    match field.value {
        // As TensorFlow prints them.
        Value::Varint(hash) => hash.to_string(),
        // `VersionDef`, whose first field is the version of the writer.
        Value::Bytes(version) if field.number == VERSION => {
            let producer = Fields::of(version).next().ok().flatten().and_then(|first| first.varint());
            producer.unwrap_or_default().to_string()
        }
        _ => field.text().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{claims, parse, survive};

    /// As TensorFlow 2.21 wrote it.
    const WRITTEN: &[u8] = b"\x08\xf8\xf1\xcf\xaf\xde\xe9\x93\xd8\x0b\x10\xe4\x9c\xd2\x83\xb2\x97\x88\xf8\x19\
        \x18\xbe\xed\x98\x99\xc3\xf8\xb8\x9bY \x8a\xc9\xd4\xec\xb5\xc9\xa9\xaa\xb8\x01\
        (\xb4\xa8\x93\xc0\xac\xcd\x84\xfcw2\x02\x08\x04:\x0516483";

    #[test]
    fn hashes_are_fields() {
        assert_eq!(claims(WRITTEN), "(fingerprint)");
        let content = parse("fingerprint", WRITTEN);
        let paths: Vec<&str> = content.fields.iter().map(|field| field.path.as_str()).collect();
        assert_eq!(paths[..2], ["saved_model_checksum", "graph_def_program_hash"]);
        assert_eq!(content.fields[5].value, "4");
        assert_eq!(content.fields[6].value, "16483");
    }

    #[test]
    fn messages_with_anything_else_are_none() {
        assert_eq!(claims(&WRITTEN[..WRITTEN.len() - 1]), "");
        assert_eq!(claims(&[WRITTEN, b"\x40\x01"].concat()), "");
        assert_eq!(claims(b"\x08\x01\x10\x02"), "");
        survive("fingerprint", WRITTEN);
    }
}
