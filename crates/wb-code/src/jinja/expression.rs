//! Expressions to ops, by the precedence of Jinja's parser.

use super::lexer::TokenKind;
use super::{Lifter, Reader};
use wb_core::{CallStyle, Collection, Constant, OpKind, Span, ValueId};

/// Filters whose first argument, or `attribute=`, names an attribute of each element.
const BY_ATTRIBUTE: &str = "map selectattr rejectattr groupby sort sum unique min max";

/// Operators between values, the loosest first; all of a level group to the left.
const LEVELS: [&[&str]; 4] =
    [&["==", "!=", "<", ">", "<=", ">="], &["+", "-"], &["~"], &["*", "/", "//", "%"]];

impl Lifter {
    /// Reads every expression that is left: what one cannot use begins the next.
    pub(super) fn expressions(&mut self, reader: &mut Reader<'_>) {
        while !reader.is_at_end() {
            let before = reader.at;
            self.tuple(reader);
            if reader.at == before {
                reader.next();
            }
        }
    }

    /// One expression, or several with commas between.
    pub(super) fn tuple(&mut self, reader: &mut Reader<'_>) -> ValueId {
        let first = self.expression(reader);
        if !reader.is_sign(",") {
            return first;
        }
        let mut items = vec![first];
        while reader.sign(",") {
            if reader.is_at_end() || reader.is_sign(")") {
                break;
            }
            items.push(self.expression(reader));
        }
        self.collect(Collection::Tuple, items)
    }

    fn collect(&mut self, kind: Collection, items: Vec<ValueId>) -> ValueId {
        let total = u64::try_from(items.len()).unwrap_or(u64::MAX);
        self.push(OpKind::Collect { kind, items, total })
    }

    /// `a if b else c` and everything tighter.
    pub(super) fn expression(&mut self, reader: &mut Reader<'_>) -> ValueId {
        let Some(depth) = reader.depth.checked_sub(1) else {
            reader.next();
            return self.opaque("nested deeper than is read", Vec::new());
        };
        let before = std::mem::replace(&mut reader.depth, depth);
        let mut value = self.either(reader);
        while reader.word("if") {
            self.either(reader);
            let mut uses = vec![value];
            if reader.word("else") {
                uses.push(self.expression(reader));
            }
            value = self.opaque("either", uses);
        }
        reader.depth = before;
        value
    }

    /// `a or b`, `a and b`, `not a`.
    fn either(&mut self, reader: &mut Reader<'_>) -> ValueId {
        let first = self.negation(reader);
        let mut uses = vec![first];
        while reader.word("or") || reader.word("and") {
            uses.push(self.negation(reader));
        }
        if uses.len() == 1 { first } else { self.opaque("either", uses) }
    }

    fn negation(&mut self, reader: &mut Reader<'_>) -> ValueId {
        let mut negated = false;
        while reader.word("not") {
            negated = true;
        }
        let value = self.level(reader, 0);
        if negated { self.opaque("not", vec![value]) } else { value }
    }

    fn level(&mut self, reader: &mut Reader<'_>, level: usize) -> ValueId {
        let Some(signs) = LEVELS.get(level) else { return self.power(reader) };
        let next = level.saturating_add(1);
        let mut value = self.level(reader, next);
        loop {
            let sign = match reader.peek() {
                Some(TokenKind::Sign(sign)) if signs.contains(sign) => *sign,
                Some(TokenKind::Name(word)) if level == 0 && word == "in" => "in",
                Some(TokenKind::Name(word))
                    if level == 0
                        && word == "not"
                        && matches!(reader.peek_after(), Some(TokenKind::Name(one)) if one == "in") =>
                {
                    reader.next();
                    "in"
                }
                _ => return value,
            };
            reader.next();
            let right = self.level(reader, next);
            value = match (sign, level) {
                ("~", _) => self.collect(Collection::Joined, vec![value, right]),
                (_, 0) => self.opaque("compare", vec![value, right]),
                _ => self.opaque(sign, vec![value, right]),
            };
        }
    }

    fn power(&mut self, reader: &mut Reader<'_>) -> ValueId {
        let mut value = self.unary(reader);
        while reader.sign("**") {
            let right = self.unary(reader);
            value = self.opaque("**", vec![value, right]);
        }
        value
    }

    fn unary(&mut self, reader: &mut Reader<'_>) -> ValueId {
        let mut negative = false;
        while reader.is_sign("-") || reader.is_sign("+") {
            negative ^= reader.is_sign("-");
            reader.next();
        }
        if negative && let Some(TokenKind::Int(value)) = reader.peek() {
            reader.next();
            return self.constant(Constant::Int(value.saturating_neg()));
        }
        let value = self.primary(reader);
        self.postfix(reader, value)
    }

    fn primary(&mut self, reader: &mut Reader<'_>) -> ValueId {
        if let Some(span) = reader.span() {
            self.span = span;
        }
        match reader.next() {
            Some(TokenKind::Name(name)) => match name.as_str() {
                "true" | "True" => self.constant(Constant::Bool(true)),
                "false" | "False" => self.constant(Constant::Bool(false)),
                "none" | "None" => self.constant(Constant::None),
                name => self.load(name),
            },
            Some(TokenKind::Text(text)) => {
                // Strings beside one another are one string.
                let mut whole = text.clone();
                while let Some(TokenKind::Text(more)) = reader.peek() {
                    whole.push_str(more);
                    reader.next();
                }
                self.constant(Constant::Text(whole))
            }
            Some(TokenKind::Int(value)) => self.constant(Constant::Int(*value)),
            Some(TokenKind::Float(value)) => self.constant(Constant::Float(*value)),
            Some(TokenKind::Sign("(")) => {
                if reader.sign(")") {
                    return self.collect(Collection::Tuple, Vec::new());
                }
                let value = self.tuple(reader);
                reader.sign(")");
                value
            }
            Some(TokenKind::Sign("[")) => {
                let items = self.items(reader, "]");
                self.collect(Collection::List, items)
            }
            Some(TokenKind::Sign("{")) => self.dict(reader),
            _ => self.opaque("expression", Vec::new()),
        }
    }

    fn items(&mut self, reader: &mut Reader<'_>, close: &str) -> Vec<ValueId> {
        let mut items = Vec::new();
        while !reader.is_at_end() && !reader.sign(close) {
            items.push(self.expression(reader));
            if !reader.sign(",") {
                reader.sign(close);
                break;
            }
        }
        items
    }

    fn dict(&mut self, reader: &mut Reader<'_>) -> ValueId {
        let mut items = Vec::new();
        while !reader.is_at_end() && !reader.sign("}") {
            items.push(self.expression(reader));
            if reader.sign(":") {
                items.push(self.expression(reader));
            }
            if !reader.sign(",") {
                reader.sign("}");
                break;
            }
        }
        self.collect(Collection::Dict, items)
    }

    /// Attributes, items, calls, filters and tests behind a value.
    fn postfix(&mut self, reader: &mut Reader<'_>, mut value: ValueId) -> ValueId {
        loop {
            let start = self.span;
            value = match reader.peek() {
                Some(TokenKind::Sign(".")) => {
                    reader.next();
                    self.widen(start, reader.span());
                    match reader.next() {
                        Some(TokenKind::Name(name)) => {
                            self.push(OpKind::GetAttribute { of: value, name: name.clone() })
                        }
                        Some(TokenKind::Int(index)) => {
                            let key = self.constant(Constant::Int(*index));
                            self.push(OpKind::GetItem { of: value, key })
                        }
                        _ => value,
                    }
                }
                Some(TokenKind::Sign("[")) => {
                    reader.next();
                    let key = self.subscript(reader);
                    self.widen(start, reader.span());
                    reader.sign("]");
                    self.push(OpKind::GetItem { of: value, key })
                }
                Some(TokenKind::Sign("(")) => {
                    reader.next();
                    let (arguments, keywords) = self.arguments(reader, start);
                    self.invoke(value, arguments, keywords)
                }
                Some(TokenKind::Sign("|")) => {
                    reader.next();
                    self.filter(reader, value, start)
                }
                Some(TokenKind::Name(word)) if word == "is" => {
                    reader.next();
                    self.test(reader, value)
                }
                _ => return value,
            };
        }
    }

    /// Makes the current span reach to the end of `token`.
    fn widen(&mut self, start: Span, token: Option<Span>) {
        if let Some(token) = token {
            self.span = Span::new(start.start, token.end().saturating_sub(start.start));
        }
    }

    fn invoke(
        &mut self,
        callee: ValueId,
        arguments: Vec<ValueId>,
        keywords: Vec<(String, ValueId)>,
    ) -> ValueId {
        self.push(OpKind::Call { callee, arguments, keywords, style: CallStyle::Call })
    }

    /// `key`, `start:stop:step`, or several keys.
    fn subscript(&mut self, reader: &mut Reader<'_>) -> ValueId {
        let mut bounds: Vec<Option<ValueId>> = Vec::new();
        let mut colons = 0_u32;
        let mut current = None;
        while !reader.is_at_end() && !reader.is_sign("]") {
            if reader.sign(":") {
                colons = colons.saturating_add(1);
                bounds.push(current.take());
            } else {
                let before = reader.at;
                current = Some(self.tuple(reader));
                if reader.at == before {
                    reader.next();
                }
            }
        }
        if colons == 0 {
            return match current {
                Some(key) => key,
                None => self.opaque("expression", Vec::new()),
            };
        }
        bounds.push(current);
        let mut values = Vec::new();
        for bound in bounds.into_iter().chain([None, None]).take(3) {
            values.push(match bound {
                Some(value) => value,
                None => self.constant(Constant::None),
            });
        }
        self.collect(Collection::Tuple, values)
    }

    fn arguments(
        &mut self,
        reader: &mut Reader<'_>,
        start: Span,
    ) -> (Vec<ValueId>, Vec<(String, ValueId)>) {
        let mut arguments = Vec::new();
        let mut keywords = Vec::new();
        while !reader.is_at_end() && !reader.is_sign(")") {
            while reader.sign("*") || reader.sign("**") {}
            let keyword = match (reader.peek(), reader.peek_after()) {
                (Some(TokenKind::Name(name)), Some(TokenKind::Sign("="))) => Some(name.clone()),
                _ => None,
            };
            if let Some(name) = keyword {
                reader.next();
                reader.next();
                let value = self.expression(reader);
                keywords.push((name, value));
            } else {
                let before = reader.at;
                arguments.push(self.expression(reader));
                if reader.at == before {
                    reader.next();
                }
            }
            reader.sign(",");
        }
        self.widen(start, reader.span());
        reader.sign(")");
        (arguments, keywords)
    }

    /// `value|name(arguments)`.
    fn filter(&mut self, reader: &mut Reader<'_>, value: ValueId, start: Span) -> ValueId {
        self.widen(start, reader.span());
        let Some(name) = reader.name() else { return value };
        let mut full = name.to_owned();
        while reader.sign(".") {
            full.push('.');
            full.push_str(reader.name().unwrap_or_default());
        }
        let (arguments, keywords) =
            if reader.sign("(") { self.arguments(reader, start) } else { (Vec::new(), Vec::new()) };
        let first = arguments.first().and_then(|id| self.text_of(*id)).map(str::to_owned);
        let second = arguments.get(1).and_then(|id| self.text_of(*id)).map(str::to_owned);
        let attribute = keywords
            .iter()
            .find(|(name, _)| name == "attribute")
            .and_then(|(_, id)| self.text_of(*id))
            .map(str::to_owned);
        let by_attribute = BY_ATTRIBUTE.split(' ').any(|one| one == full);
        let named = match (full.as_str(), first) {
            ("attr", Some(name)) => Some(name),
            ("map", Some(filter)) if filter == "attr" => second,
            ("selectattr" | "rejectattr" | "groupby", Some(name)) => Some(name),
            _ if by_attribute => attribute,
            _ => None,
        };
        if let Some(named) = named {
            let mut value = value;
            for part in named.split('.') {
                value = self.push(OpKind::GetAttribute { of: value, name: part.to_owned() });
            }
            if matches!(full.as_str(), "attr" | "map") {
                return value;
            }
        }
        let callee = self.load(&full);
        let mut all = vec![value];
        all.extend(arguments);
        self.invoke(callee, all, keywords)
    }

    /// `value is [not] name [argument]`.
    fn test(&mut self, reader: &mut Reader<'_>, value: ValueId) -> ValueId {
        reader.word("not");
        let name = reader.name().unwrap_or_default().to_owned();
        let mut uses = vec![value];
        if reader.sign("(") {
            let start = self.span;
            let (arguments, _) = self.arguments(reader, start);
            uses.extend(arguments);
        } else {
            let operand = match reader.peek() {
                Some(TokenKind::Text(_) | TokenKind::Int(_) | TokenKind::Float(_)) => true,
                Some(TokenKind::Name(word)) => {
                    !matches!(word.as_str(), "and" | "or" | "if" | "else" | "is" | "in" | "not")
                }
                Some(TokenKind::Sign(sign)) => matches!(*sign, "[" | "{"),
                None => false,
            };
            if operand {
                uses.push(self.primary(reader));
            }
        }
        self.opaque(&format!("is {name}"), uses)
    }
}
