//! Code objects that were marshalled without the header of a compiled module: whoever calls `marshal.loads` on the
//! file has a function to run.
//!
//! Specification: `Python/marshal.c` of CPython.

use crate::{Family, Reader, Request, pyc};
use wb_code::cpython;
use wb_core::{Budget, Bytes, Content, Strength, Trigger};

pub(crate) const FORMAT: Reader = Reader {
    title: "Python code object, marshalled",
    endings: &[".marshal"],
    family: Family::Source,
    refines: &[],
    identify,
    parse,
    named: None,
};

/// The type code of a code object, whether it may be referred to or not, and one of its layouts behind it.
fn identify(input: Bytes<'_>) -> Option<Strength> {
    let begins = matches!(input.byte(0), Some(b'c' | 0xe3)) && input.u32_le(1)? <= 255;
    let code = begins.then(|| cpython::read_marshal(input, None, &mut Budget::new(pyc::TELLING)))?.ok()?;
    code.doubts.is_empty().then_some(Strength::Strong)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    match cpython::read_marshal(input, None, budget) {
        Ok(code) => pyc::code(input, &code, None, Trigger::Load, &mut content, budget),
        Err(error) => content.gaps.push(pyc::unread(input, &error)),
    }
    content
}

#[cfg(test)]
mod tests {
    use crate::testing::{claims, oddities, parse, survive};
    use wb_core::Trigger;

    /// `import os; os.system('id')`, compiled and marshalled by Python 3.11.
    const CODE: &[u8] = include_bytes!("../tests/data/run.marshal");

    #[test]
    fn a_code_object_alone_is_read() {
        assert_eq!(claims(CODE), "marshal");
        let content = parse("marshal", CODE);
        let source = content.programs[0].source.as_deref().unwrap_or_default();
        assert!(source.contains("os.system('id')"), "{source}");
        assert_eq!(content.programs[0].trigger, Trigger::Load);
        assert!(content.oddities.is_empty() && content.gaps.is_empty(), "{content:?}");
    }

    #[test]
    fn what_only_begins_like_one_is_not() {
        for bytes in [&b"cos\nsystem\n"[..], b"c\0\0\0\0", b"\xe3\0\0\0\0\0\0\0\0", &CODE[..40]] {
            assert_eq!(claims(bytes), "", "{bytes:?}");
        }
    }

    /// The call takes 18 values off a stack of four.
    #[test]
    fn what_python_could_not_run_is_not_taken_as_read() {
        let at = CODE.windows(2).position(|bytes| bytes == [0xab, 1]).expect("CALL 1") + 1;
        let mut odd = CODE.to_vec();
        odd[at] = 18;
        assert_eq!(claims(&odd), "marshal");
        assert_eq!(oddities(&parse("marshal", &odd)), ["opaque-code <module>"]);
    }

    #[test]
    fn damage_is_survived() {
        survive("marshal", CODE);
    }
}
