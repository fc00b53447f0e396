//! Tests of rules and knowledge as a whole. Rules are given effects put together by hand, so that what
//! they decide does not depend on how code is read.

mod findings;
mod gadgets;
mod ordinary;
mod pages;
mod structure;
mod tensorflow;

use crate::examine::{Examined, judge};
use wb_code::capability::Effects;
use wb_core::{
    Artifact, CallStyle, Capability, Content, Effect, Language, Op, OpKind, Origin, Program, Span,
    Trigger, ValueId,
};

/// An artifact of `format` called `name`.
fn artifact(name: &str, format: &'static str) -> Artifact {
    Artifact {
        path: name.into(),
        origin: Origin::File,
        size: 100,
        sha256: None,
        format: Some(format),
        claims: Vec::new(),
    }
}

/// A program in `language` with one call, at op 1 of two.
fn program(language: Language, trigger: Trigger) -> Program {
    let mut program = Program::new(language, trigger, Span::new(0, 90));
    let op = |number, kind| Op { span: Span::new(number * 10, 2), number, kind };
    let (module, name) = ("module".to_owned(), "name".to_owned());
    let callee = program.push(op(0, OpKind::Import { module, name }));
    let (arguments, keywords) = (Vec::new(), Vec::new());
    let style = CallStyle::Call;
    program.push(op(1, OpKind::Call { callee, arguments, keywords, style }));
    program
}

/// The effect of calling `callable` at the op of [`program`].
fn effect(callable: &str, capability: Capability) -> Effect {
    Effect {
        op: 1,
        number: 1,
        span: Span::new(10, 2),
        callable: callable.to_owned(),
        reached_by: None,
        capability,
        called: true,
        arguments: Vec::new(),
        payloads: Vec::new(),
        indicators: Vec::new(),
        trigger: Trigger::Load,
        inner: Vec::new(),
    }
}

/// What the rules say about one program with these effects.
fn examined(format: &'static str, program: Program, effects: Vec<Effect>) -> Examined {
    let content = Content { programs: vec![program], ..Content::default() };
    judged(format, &content, effects)
}

fn judged(format: &'static str, content: &Content, effects: Vec<Effect>) -> Examined {
    let effects = Effects { effects, ..Effects::default() };
    judge(&artifact("model.bin", format), content, vec![effects])
}

/// What the rules say about a pickle that calls `callable`.
fn pickle(callable: &str, capability: Capability) -> Examined {
    let program = program(Language::Pickle, Trigger::Load);
    examined("pickle", program, vec![effect(callable, capability)])
}

/// Names of the rules that found something.
fn names(examined: &Examined) -> Vec<&'static str> {
    examined.findings.iter().map(|finding| finding.rule).collect()
}

/// The op's index as a value.
const fn value(index: u32) -> ValueId {
    ValueId(index)
}
