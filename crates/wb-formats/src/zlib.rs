//! Zlib streams (RFC 1950), bare or behind the header that joblib wrote before 0.10: `ZF`, then the length
//! as 19 hexadecimal digits and spaces (`joblib/numpy_pickle_compat.py`, `read_zfile`). What stands behind that header is a
//! pickle, or the bare numbers of an array that the pickle of another file describes.

use crate::compressed::{self, Stream};
use crate::{Family, Reader, Request, carve, plain_text};
use flate2::bufread::ZlibDecoder;
use std::io::{BufRead, Read};
use wb_core::{Budget, Bytes, ChildData, Content, Oddity, OddityKind, Strength, Tensor};

// joblib compresses without changing the name of the file.
pub(crate) const FORMAT: Reader = Reader {
    title: "Zlib-compressed file, also joblib's",
    endings: &[".zlib", ".z", ".gz", ".pkl", ".joblib"],
    family: Family::Stream,
    refines: &[],
    identify,
    parse,
    named: None,
};

fn identify(input: Bytes<'_>) -> Option<Strength> {
    let stream = stream_of(input.as_slice())?;
    // Two bytes say little: the beginning has to decode as well.
    let mut some = [0; 16];
    let count = ZlibDecoder::new(stream).read(&mut some).ok()?;
    (count > 0).then_some(Strength::Strong)
}

/// The zlib stream that `input` begins with, without joblib's header.
fn stream_of(input: &[u8]) -> Option<&[u8]> {
    let stream = input.get(header_len(input)..)?;
    // Deflate with a window of 32 KiB, and the check bits (2.2); no preset dictionary.
    let (Some(0x78), Some(flags)) = (stream.first(), stream.get(1)) else { return None };
    let header = u16::from_be_bytes([0x78, *flags]);
    (header.checked_rem(31) == Some(0) && flags & 0x20 == 0).then_some(stream)
}

/// How joblib's header begins.
const JOBLIB: &[u8] = b"ZF0x";

/// The length of joblib's header, in bytes; 0 where there is none.
fn header_len(input: &[u8]) -> usize {
    let Some(rest) = input.strip_prefix(JOBLIB) else { return 0 };
    let digits = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b'L' | b' ');
    let count = rest.iter().take(20).take_while(|byte| digits(byte)).count();
    JOBLIB.len().saturating_add(count)
}

fn parse(input: Bytes<'_>, request: &Request<'_>, budget: &mut Budget) -> Content {
    let first = |rest: &[u8]| rest.len() == input.len() && stream_of(rest).is_some();
    let mut content = compressed::read(input, request, budget, first, stream);
    let header = input.head(header_len(input.as_slice()));
    if !header.is_empty() {
        joblib(header, &mut content, budget);
    }
    content
}

/// Holds what was decoded against the length in joblib's header, and makes a tensor of it where it is no file: joblib keeps
/// the type and the shape of an array in a pickle, and only its numbers here (`ZNDArrayWrapper`).
fn joblib(header: Bytes<'_>, content: &mut Content, budget: &mut Budget) {
    let digits = String::from_utf8_lossy(header.from(JOBLIB.len()).as_slice()).into_owned();
    let said = u64::from_str_radix(digits.trim_end_matches(['L', ' ']), 16).ok();
    let Some(ChildData::Owned(data)) = content.children.first().map(|child| child.data.clone()) else { return };
    let len = data.len() as u64;
    if said != Some(len) {
        content.oddities.push(Oddity {
            kind: OddityKind::Disagreement,
            place: "header".to_owned(),
            span: Some(header.span()),
            what: format!("the header says `0x{}` bytes, the stream has {len}", digits.trim_end()),
        });
        return;
    }
    let is_file = !crate::identify(Bytes::new(&data)).is_empty()
        || plain_text::text(Bytes::new(&data), usize::MAX).is_some()
        || carve::hidden(&data, content, budget).is_some();
    // A stream that breaks off, or is followed by something, is read as any other.
    if !is_file && content.gaps.is_empty() && content.oddities.is_empty() {
        let name = content.children.remove(0).name;
        content.tensors.push(Tensor { name, dtype: "|V1".to_owned(), shape: vec![len], span: None, strides: None });
    }
}

fn stream<'a>(input: &'a [u8], budget: &mut Budget) -> Stream<'a> {
    let input = stream_of(input).unwrap_or(input);
    compressed::run(ZlibDecoder::new(input), budget, ZlibDecoder::into_inner)
}

/// What `input` decodes to, as it is decoded. Joblib's header stands before no log.
pub(crate) fn reader<'a>(input: Box<dyn BufRead + 'a>) -> Box<dyn Read + 'a> {
    Box::new(ZlibDecoder::new(input))
}

#[cfg(test)]
mod tests {
    use crate::testing::{claims, oddities, parse, parse_file, survive};

    /// Made by `tests/data/make_joblib.py` with joblib 0.9.4: a pickle, and the numbers of an array beside it.
    const PICKLE: &[u8] = include_bytes!("../tests/data/written/joblib-old.pkl");
    const NUMBERS: &[u8] = include_bytes!("../tests/data/written/joblib-old.pkl_01.npy.z");

    #[test]
    fn files_of_old_joblib_are_a_pickle_and_numbers() {
        assert_eq!((claims(PICKLE), claims(NUMBERS)), ("zlib".to_owned(), "zlib".to_owned()));
        let pickle = parse_file("zlib", "model.pkl", PICKLE);
        assert_eq!((pickle.children.len(), pickle.tensors.len()), (1, 0));
        let numbers = parse_file("zlib", "model.pkl_01.npy.z", NUMBERS);
        assert!(numbers.children.is_empty() && numbers.gaps.is_empty() && numbers.oddities.is_empty());
        let tensor = &numbers.tensors[0];
        assert_eq!((&*tensor.name, &tensor.shape[..]), ("model.pkl_01.npy", &[2_400][..]));
    }

    #[test]
    fn a_length_that_is_another_one_is_told() {
        let mut bytes = NUMBERS.to_vec();
        bytes[4] = b'8';
        let content = parse("zlib", &bytes);
        assert_eq!((oddities(&content), content.children.len()), (vec!["disagreement header".to_owned()], 1));
        survive("zlib", NUMBERS);
    }
}
