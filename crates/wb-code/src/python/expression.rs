//! Expressions to ops.

use super::Lifter;
use ruff_python_ast::{
    self as ast, Comprehension, Expr, InterpolatedStringElement, Number, Operator, UnaryOp,
};
use ruff_text_size::Ranged;
use wb_core::{CallStyle, Collection, Constant, OpKind, ValueId};

impl Lifter<'_, '_> {
    /// Lifts an expression and returns its value.
    pub(super) fn expression(&mut self, expression: &Expr) -> ValueId {
        let before = std::mem::replace(&mut self.at, expression.range());
        let value = self.deeper(|lifter| lifter.expression_inner(expression));
        self.at = before;
        value
    }

    fn expression_inner(&mut self, expression: &Expr) -> ValueId {
        match expression {
            Expr::BoolOp(node) => {
                let uses = self.all(&node.values);
                self.opaque("either", uses)
            }
            Expr::If(node) => {
                self.expression(&node.test);
                let uses = vec![self.expression(&node.body), self.expression(&node.orelse)];
                self.opaque("either", uses)
            }
            Expr::Named(node) => {
                let value = self.expression(&node.value);
                self.assign(&node.target, value);
                value
            }
            Expr::BinOp(node) => self.binary(node),
            Expr::UnaryOp(node) => self.unary(node),
            Expr::Lambda(node) => self.lambda(node),
            Expr::Call(node) => self.call(node),
            Expr::Attribute(node) => {
                let of = self.expression(&node.value);
                self.at = expression.range();
                self.push(OpKind::GetAttribute { of, name: node.attr.to_string() })
            }
            Expr::Subscript(node) => {
                let of = self.expression(&node.value);
                let key = self.expression(&node.slice);
                self.push(OpKind::GetItem { of, key })
            }
            Expr::Slice(node) => self.slice(node),
            Expr::Name(node) => self.load(&node.id),
            Expr::Starred(node) => {
                let value = self.expression(&node.value);
                self.opaque("*", vec![value])
            }
            Expr::Await(node) => self.expression(&node.value),
            Expr::Yield(node) => {
                let uses = node.value.iter().map(|value| self.expression(value)).collect();
                self.opaque("yield", uses)
            }
            Expr::YieldFrom(node) => {
                let uses = vec![self.expression(&node.value)];
                self.opaque("yield", uses)
            }
            Expr::Compare(node) => {
                let mut uses = vec![self.expression(&node.left)];
                uses.extend(node.comparators.iter().map(|one| self.expression(one)));
                self.opaque("compare", uses)
            }
            other => self.collection(other),
        }
    }

    fn collection(&mut self, expression: &Expr) -> ValueId {
        match expression {
            Expr::List(node) => self.collect(Collection::List, &node.elts),
            Expr::Tuple(node) => self.collect(Collection::Tuple, &node.elts),
            Expr::Set(node) => self.collect(Collection::Set, &node.elts),
            Expr::Dict(node) => self.dict(node),
            Expr::ListComp(node) => self.comprehension(&node.generators, &[&node.elt]),
            Expr::SetComp(node) => self.comprehension(&node.generators, &[&node.elt]),
            Expr::Generator(node) => self.comprehension(&node.generators, &[&node.elt]),
            Expr::DictComp(node) => {
                let mut parts: Vec<&Expr> = node.key.iter().map(AsRef::as_ref).collect();
                parts.push(&node.value);
                self.comprehension(&node.generators, &parts)
            }
            Expr::FString(node) => self.interpolated(node.value.iter().flat_map(|part| {
                // A plain literal beside an f-string has no elements; its text is taken below.
                match part {
                    ast::FStringPart::Literal(literal) => vec![Piece::Text(literal.as_str())],
                    ast::FStringPart::FString(string) => {
                        string.elements.iter().map(Piece::Element).collect()
                    }
                }
            })),
            Expr::TString(node) => self.interpolated(node.value.elements().map(Piece::Element)),
            Expr::StringLiteral(node) => {
                self.constant(Constant::Text(node.value.to_str().to_owned()))
            }
            Expr::BytesLiteral(node) => {
                self.constant(Constant::Bytes(node.value.bytes().collect()))
            }
            Expr::NumberLiteral(node) => self.constant(number(&node.value)),
            Expr::BooleanLiteral(node) => self.constant(Constant::Bool(node.value)),
            Expr::NoneLiteral(_) => self.constant(Constant::None),
            Expr::EllipsisLiteral(_) => self.constant(Constant::Other("...".to_owned())),
            _ => self.opaque("expression", Vec::new()),
        }
    }

    fn all(&mut self, expressions: &[Expr]) -> Vec<ValueId> {
        expressions.iter().map(|one| self.expression(one)).collect()
    }

    /// A chain of operators is as deep as it is long on its left side: followed without recursion.
    fn binary(&mut self, node: &ast::ExprBinOp) -> ValueId {
        let mut spine = vec![node];
        let mut left = node.left.as_ref();
        while let Expr::BinOp(inner) = left {
            spine.push(inner);
            left = inner.left.as_ref();
        }
        let mut value = self.expression(left);
        for node in spine.into_iter().rev() {
            let right = self.expression(&node.right);
            self.at = node.range();
            value = self.opaque(sign(node.op), vec![value, right]);
        }
        value
    }

    fn unary(&mut self, node: &ast::ExprUnaryOp) -> ValueId {
        if let (UnaryOp::USub, Expr::NumberLiteral(literal)) = (node.op, node.operand.as_ref())
            && let Constant::Int(value) = number(&literal.value)
        {
            return self.constant(Constant::Int(value.saturating_neg()));
        }
        let value = self.expression(&node.operand);
        self.opaque(
            match node.op {
                UnaryOp::Not => "not",
                UnaryOp::Invert => "~",
                UnaryOp::UAdd => "+",
                UnaryOp::USub => "-",
            },
            vec![value],
        )
    }

    fn lambda(&mut self, node: &ast::ExprLambda) -> ValueId {
        if let Some(parameters) = &node.parameters {
            self.defaults(parameters);
        }
        self.define("<lambda>", node.range(), |inner| {
            if let Some(parameters) = &node.parameters {
                inner.parameters(parameters);
            }
            let value = inner.expression(&node.body);
            inner.push(OpKind::Return { value });
        })
    }

    /// Default values run where the function is defined.
    pub(super) fn defaults(&mut self, parameters: &ast::Parameters) {
        for parameter in parameters.iter_non_variadic_params() {
            if let Some(default) = &parameter.default {
                self.expression(default);
            }
        }
    }

    fn call(&mut self, node: &ast::ExprCall) -> ValueId {
        let callee = self.expression(&node.func);
        let mut arguments = Vec::new();
        for argument in &node.arguments.args {
            match argument {
                // `f(*['a', 'b'])` is `f('a', 'b')`.
                Expr::Starred(starred) => match starred.value.as_ref() {
                    Expr::List(list) => arguments.extend(self.all(&list.elts)),
                    Expr::Tuple(tuple) => arguments.extend(self.all(&tuple.elts)),
                    other => {
                        let value = self.expression(other);
                        arguments.push(self.opaque("*", vec![value]));
                    }
                },
                other => arguments.push(self.expression(other)),
            }
        }
        let mut keywords = Vec::new();
        for keyword in &node.arguments.keywords {
            match (&keyword.arg, &keyword.value) {
                (Some(name), value) => {
                    let value = self.expression(value);
                    keywords.push((name.to_string(), value));
                }
                (None, Expr::Dict(dict)) => {
                    for item in &dict.items {
                        let value = self.expression(&item.value);
                        if let Some(Expr::StringLiteral(name)) = &item.key {
                            keywords.push((name.value.to_str().to_owned(), value));
                        }
                    }
                }
                (None, value) => {
                    let value = self.expression(value);
                    keywords.push(("**".to_owned(), value));
                }
            }
        }
        self.at = node.range();
        self.push(OpKind::Call { callee, arguments, keywords, style: CallStyle::Call })
    }

    fn slice(&mut self, node: &ast::ExprSlice) -> ValueId {
        let callee = self.load("slice");
        let mut arguments = Vec::new();
        for bound in [&node.lower, &node.upper, &node.step] {
            let value = match bound {
                Some(bound) => self.expression(bound),
                None => self.constant(Constant::None),
            };
            arguments.push(value);
        }
        self.push(OpKind::Call { callee, arguments, keywords: Vec::new(), style: CallStyle::Call })
    }

    fn collect(&mut self, kind: Collection, elements: &[Expr]) -> ValueId {
        let items = self.all(elements);
        let total = u64::try_from(items.len()).unwrap_or(u64::MAX);
        self.push(OpKind::Collect { kind, items, total })
    }

    fn dict(&mut self, node: &ast::ExprDict) -> ValueId {
        let mut items = Vec::new();
        let mut unpacked = Vec::new();
        for item in &node.items {
            match &item.key {
                Some(key) => {
                    items.push(self.expression(key));
                    items.push(self.expression(&item.value));
                }
                None => unpacked.push(self.expression(&item.value)),
            }
        }
        if !unpacked.is_empty() {
            self.opaque("**", unpacked);
        }
        let total = u64::try_from(items.len()).unwrap_or(u64::MAX);
        self.push(OpKind::Collect { kind: Collection::Dict, items, total })
    }

    /// `[parts for target in iterable if test]`: a function of the target, mapped over the iterable.
    fn comprehension(&mut self, generators: &[Comprehension], parts: &[&Expr]) -> ValueId {
        let Some((generator, rest)) = generators.split_first() else {
            let items: Vec<ValueId> = parts.iter().map(|part| self.expression(part)).collect();
            return match items.as_slice() {
                [only] => *only,
                _ => {
                    let total = u64::try_from(items.len()).unwrap_or(u64::MAX);
                    self.push(OpKind::Collect { kind: Collection::Tuple, items, total })
                }
            };
        };
        let iterable = self.expression(&generator.iter);
        let body = self.define("<comprehension>", generator.range(), |inner| {
            let element = inner.load("parameter element");
            inner.assign(&generator.target, element);
            for test in &generator.ifs {
                inner.expression(test);
            }
            let value = inner.deeper(|inner| inner.comprehension(rest, parts));
            inner.push(OpKind::Return { value });
        });
        let callee = self.load("map");
        self.push(OpKind::Call {
            callee,
            arguments: vec![body, iterable],
            keywords: Vec::new(),
            style: CallStyle::Call,
        })
    }

    fn interpolated<'e>(&mut self, pieces: impl Iterator<Item = Piece<'e>>) -> ValueId {
        let mut items = Vec::new();
        for piece in pieces {
            items.push(match piece {
                Piece::Text(text) => self.constant(Constant::Text(text.to_owned())),
                Piece::Element(InterpolatedStringElement::Literal(literal)) => {
                    self.constant(Constant::Text(literal.value.to_string()))
                }
                Piece::Element(InterpolatedStringElement::Interpolation(node)) => {
                    self.expression(&node.expression)
                }
            });
        }
        let total = u64::try_from(items.len()).unwrap_or(u64::MAX);
        self.push(OpKind::Collect { kind: Collection::Joined, items, total })
    }
}

/// A piece of an f-string.
enum Piece<'e> {
    Text(&'e str),
    Element(&'e InterpolatedStringElement),
}

fn number(number: &Number) -> Constant {
    match number {
        Number::Int(value) => match value.as_i64() {
            Some(value) => Constant::Int(value),
            None => Constant::BigInt(value.to_string()),
        },
        Number::Float(value) => Constant::Float(*value),
        Number::Complex { real, imag } => Constant::Other(format!("({real}+{imag}j)")),
    }
}

/// The sign of an operator, as in the source.
pub(super) fn sign(operator: Operator) -> &'static str {
    operator.as_str()
}
