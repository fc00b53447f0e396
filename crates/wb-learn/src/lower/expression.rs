//! Expressions.

use super::Lowerer;
use crate::ir::{Argument, ArgumentKind, Expr as Lowered, ExprId, Target};
use ruff_python_ast::{self as ast, Comprehension, Expr, FStringPart, InterpolatedStringElement};

/// Longer texts name nothing.
const MAX_TEXT: usize = 200;

impl Lowerer<'_> {
    pub(super) fn expression(&mut self, expression: &Expr) -> ExprId {
        let Some(depth) = self.depth.checked_sub(1) else { return self.push(Lowered::Constant) };
        self.depth = depth;
        let lowered = self.lowered(expression);
        self.depth = depth + 1;
        self.push(lowered)
    }

    fn all<'a>(&mut self, expressions: impl IntoIterator<Item = &'a Expr>) -> Box<[ExprId]> {
        expressions.into_iter().map(|one| self.expression(one)).collect()
    }

    fn lowered(&mut self, expression: &Expr) -> Lowered {
        match expression {
            Expr::Name(name) => self.load(name.id.as_str()),
            Expr::Attribute(attribute) => {
                let of = self.expression(&attribute.value);
                let name = self.symbol(attribute.attr.as_str());
                Lowered::Attribute(of, name)
            }
            Expr::Call(call) => self.call(call),
            Expr::Subscript(subscript) => {
                let of = self.expression(&subscript.value);
                let key = self.expression(&subscript.slice);
                Lowered::Item(of, key)
            }
            Expr::StringLiteral(text) => {
                let text = text.value.to_str();
                match text.len() <= MAX_TEXT {
                    true => Lowered::Text(self.symbol(text)),
                    false => Lowered::Constant,
                }
            }
            Expr::BoolOp(one) => Lowered::Either(self.all(&one.values)),
            Expr::If(one) => {
                self.expression(&one.test);
                Lowered::Either(self.all([&*one.body, &*one.orelse]))
            }
            Expr::Tuple(one) => Lowered::Either(self.all(&one.elts)),
            Expr::List(one) => Lowered::Either(self.all(&one.elts)),
            Expr::Set(one) => Lowered::Either(self.all(&one.elts)),
            Expr::Dict(one) => {
                let values: Vec<&Expr> = one
                    .items
                    .iter()
                    .flat_map(|item| item.key.iter().chain([&item.value]))
                    .collect();
                Lowered::Either(self.all(values))
            }
            other => self.computed(other),
        }
    }

    fn computed(&mut self, expression: &Expr) -> Lowered {
        match expression {
            Expr::BinOp(one) => Lowered::Computed(self.all([&*one.left, &*one.right])),
            Expr::FString(one) => {
                let mut pieces = Vec::new();
                for part in one.value.iter() {
                    if let FStringPart::FString(part) = part {
                        self.interpolated(part.elements.iter(), &mut pieces);
                    }
                }
                Lowered::Computed(pieces.into())
            }
            Expr::TString(one) => {
                let mut pieces = Vec::new();
                for part in one.value.iter() {
                    self.interpolated(part.elements.iter(), &mut pieces);
                }
                Lowered::Computed(pieces.into())
            }
            Expr::Named(named) => {
                let value = self.expression(&named.value);
                self.assign_to(&named.target, value);
                Lowered::Either(Box::new([value]))
            }
            Expr::Lambda(lambda) => Lowered::Function(self.lambda(lambda)),
            other => self.rest(other),
        }
    }

    fn rest(&mut self, expression: &Expr) -> Lowered {
        match expression {
            Expr::ListComp(one) => self.comprehension(&one.generators, &[&one.elt]),
            Expr::SetComp(one) => self.comprehension(&one.generators, &[&one.elt]),
            Expr::Generator(one) => self.comprehension(&one.generators, &[&one.elt]),
            Expr::DictComp(one) => {
                let parts: Vec<&Expr> =
                    one.key.iter().map(|key| &**key).chain([&*one.value]).collect();
                self.comprehension(&one.generators, &parts)
            }
            Expr::UnaryOp(one) => Lowered::Computed(self.all([&*one.operand])),
            Expr::Compare(one) => {
                self.expression(&one.left);
                self.all(&one.comparators);
                Lowered::Constant
            }
            Expr::Await(one) => Lowered::Either(self.all([&*one.value])),
            Expr::Starred(one) => Lowered::Either(self.all([&*one.value])),
            Expr::Yield(one) => {
                if let Some(value) = &one.value {
                    let value = self.expression(value);
                    self.function().returns.push(value);
                }
                Lowered::Constant
            }
            Expr::YieldFrom(one) => {
                let value = self.expression(&one.value);
                self.function().returns.push(value);
                Lowered::Either(Box::new([value]))
            }
            Expr::Slice(one) => {
                let parts = [&one.lower, &one.upper, &one.step];
                parts.into_iter().flatten().for_each(|part| {
                    self.expression(part);
                });
                Lowered::Constant
            }
            _ => Lowered::Constant,
        }
    }

    fn interpolated<'a>(
        &mut self,
        elements: impl Iterator<Item = &'a InterpolatedStringElement>,
        pieces: &mut Vec<ExprId>,
    ) {
        for element in elements {
            if let InterpolatedStringElement::Interpolation(piece) = element {
                pieces.push(self.expression(&piece.expression));
            }
        }
    }

    fn call(&mut self, call: &ast::ExprCall) -> Lowered {
        if let Expr::Name(name) = &*call.func
            && name.id.as_str() == "super"
        {
            return Lowered::Super;
        }
        let callee = self.expression(&call.func);
        let mut arguments = Vec::new();
        for argument in &call.arguments.args {
            let (kind, value) = match argument {
                Expr::Starred(starred) => (ArgumentKind::Star, &*starred.value),
                other => (ArgumentKind::Positional, other),
            };
            let value = self.expression(value);
            arguments.push(Argument { kind, value });
        }
        for keyword in &call.arguments.keywords {
            let kind = match &keyword.arg {
                Some(name) => ArgumentKind::Keyword(self.symbol(name.as_str())),
                None => ArgumentKind::DoubleStar,
            };
            let value = self.expression(&keyword.value);
            arguments.push(Argument { kind, value });
        }
        Lowered::Call(callee, arguments.into())
    }

    /// The targets are locals of the function around: a comprehension's scope is not kept apart.
    fn comprehension(&mut self, generators: &[Comprehension], parts: &[&Expr]) -> Lowered {
        for generator in generators {
            let iterated = self.expression(&generator.iter);
            let element = self.element(iterated);
            self.assign_to(&generator.target, element);
            for condition in &generator.ifs {
                self.expression(condition);
            }
        }
        Lowered::Either(self.all(parts.iter().copied()))
    }

    /// An element of what is iterated.
    pub(super) fn element(&mut self, iterated: ExprId) -> ExprId {
        let key = self.push(Lowered::Constant);
        self.push(Lowered::Item(iterated, key))
    }

    /// Assigns to names, attributes, items and tuples of them.
    pub(super) fn assign_to(&mut self, target: &Expr, value: ExprId) {
        match target {
            Expr::Name(name) => self.bind(name.id.as_str(), value),
            Expr::Attribute(attribute) => {
                let of = self.expression(&attribute.value);
                let name = self.symbol(attribute.attr.as_str());
                self.assign(Target::Attribute(of, name), value);
            }
            Expr::Subscript(subscript) => {
                let of = self.expression(&subscript.value);
                self.expression(&subscript.slice);
                self.assign(Target::Item(of), value);
            }
            Expr::Starred(starred) => self.assign_to(&starred.value, value),
            Expr::Tuple(ast::ExprTuple { elts, .. }) | Expr::List(ast::ExprList { elts, .. }) => {
                for one in elts {
                    let element = self.element(value);
                    self.assign_to(one, element);
                }
            }
            _ => {}
        }
    }
}
