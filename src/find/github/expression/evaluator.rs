//! Parses and evaluates the text of an expression.

use super::{DEPTH, ExpressionBranch, ExpressionContexts, ExpressionValue, MOST, shortened};
use crate::format::located::{Located, TextPlace};
use crate::format::unknown::has_mark;

#[derive(Debug, Clone, PartialEq, Eq)]
enum ExpressionToken {
    Name(String),
    Text(String),
    Sign(&'static str),
}

const SIGNS: [&str; 13] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "(", ")", ",", "[",
];

fn tokens(source: &str) -> Vec<ExpressionToken> {
    let mut found = Vec::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        if first.is_whitespace() {
            rest = &rest[first.len_utf8()..];
        } else if first == '\'' {
            let mut text = String::new();
            let mut tail = &rest[1..];
            while let Some((part, after)) = tail.split_once('\'') {
                text.push_str(part);
                tail = after;
                if !tail.starts_with('\'') {
                    break;
                }
                text.push('\'');
                tail = &tail[1..];
            }
            found.push(ExpressionToken::Text(text));
            rest = tail;
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            found.push(ExpressionToken::Sign(sign));
            rest = &rest[sign.len()..];
        } else if first == ']' {
            found.push(ExpressionToken::Sign("]"));
            rest = &rest[1..];
        } else {
            let end = rest
                .find(|c: char| !(c.is_alphanumeric() || "_-.*".contains(c)))
                .unwrap_or(rest.len());
            let end = end.max(first.len_utf8());
            found.push(ExpressionToken::Name(rest[..end].to_owned()));
            rest = &rest[end..];
        }
    }
    found
}

struct ExpressionEvaluator<'e, 's> {
    contexts: &'e ExpressionContexts<'s>,
    tokens: &'e [ExpressionToken],
    position: usize,
    place: TextPlace,
    depth: usize,
}

/// Evaluates an expression. Returns `None` if it does not parse.
pub(super) fn evaluate(
    contexts: &ExpressionContexts<'_>,
    source: &str,
    place: TextPlace,
) -> Option<Vec<ExpressionBranch>> {
    let tokens = tokens(source);
    let mut evaluator = ExpressionEvaluator {
        contexts,
        tokens: &tokens,
        position: 0,
        place,
        depth: 0,
    };
    let branches = evaluator.or()?;
    (evaluator.position == tokens.len()).then_some(branches)
}

impl ExpressionEvaluator<'_, '_> {
    fn sign(&mut self, sign: &str) -> bool {
        let here =
            matches!(self.tokens.get(self.position), Some(ExpressionToken::Sign(s)) if *s == sign);
        if here {
            self.position += 1;
        }
        here
    }

    fn source(&self, from: usize) -> String {
        let mut text = String::new();
        for token in &self.tokens[from..self.position] {
            match token {
                ExpressionToken::Name(name) => text.push_str(name),
                ExpressionToken::Text(value) => {
                    text.push('\'');
                    text.push_str(value);
                    text.push('\'');
                }
                ExpressionToken::Sign(
                    sign @ ("&&" | "||" | "==" | "!=" | "<" | ">" | "<=" | ">="),
                ) => {
                    text.push(' ');
                    text.push_str(sign);
                    text.push(' ');
                }
                ExpressionToken::Sign(",") => text.push_str(", "),
                ExpressionToken::Sign(sign) => text.push_str(sign),
            }
        }
        shortened(&text)
    }

    fn or(&mut self) -> Option<Vec<ExpressionBranch>> {
        let start = self.position;
        let mut left = self.and()?;
        while self.sign("||") {
            let right = self.and()?;
            let whole = self.source(start);
            let mut all = Vec::new();
            for branch in left {
                match branch.truth() {
                    Some(true) => all.push(branch),
                    Some(false) => all.extend(right.iter().map(|r| r.clone().with(&branch.when))),
                    None => {
                        let known: Vec<&ExpressionBranch> =
                            right.iter().filter(|r| r.truth().is_some()).collect();
                        // A matrix has other values than the one after `||`.
                        if known.is_empty() || branch.is_of_matrix() {
                            let open = ExpressionValue::Open(whole.clone());
                            all.push(ExpressionBranch::new(open).with(&branch.when));
                        } else {
                            all.extend(known.into_iter().map(|r| r.clone().with(&branch.when)));
                        }
                    }
                }
            }
            all.truncate(MOST);
            left = all;
        }
        Some(left)
    }

    fn and(&mut self) -> Option<Vec<ExpressionBranch>> {
        let mut start = self.position;
        let mut left = self.comparison()?;
        while self.sign("&&") {
            self.position -= 1;
            let condition = self.source(start);
            self.position += 1;
            start = self.position;
            let right = self.comparison()?;
            let mut all = Vec::new();
            for branch in left {
                match branch.truth() {
                    Some(true) => all.extend(right.iter().map(|r| r.clone().with(&branch.when))),
                    Some(false) => all.push(branch),
                    None => {
                        let taken = right
                            .iter()
                            .map(|r| r.clone().with(&branch.when).under(&condition));
                        all.extend(taken);
                        let untaken =
                            ExpressionBranch::new(ExpressionValue::Truth(false)).with(&branch.when);
                        all.push(untaken.under(&format!("not {condition}")));
                    }
                }
            }
            all.truncate(MOST);
            left = all;
        }
        Some(left)
    }

    fn comparison(&mut self) -> Option<Vec<ExpressionBranch>> {
        let start = self.position;
        let left = self.unary()?;
        for sign in ["==", "!=", "<=", ">=", "<", ">"] {
            if self.sign(sign) {
                let right = self.unary()?;
                let source = self.source(start);
                let outcome = compared(sign, &left, &right)
                    .map_or(ExpressionValue::Open(source), ExpressionValue::Truth);
                return Some(vec![ExpressionBranch::new(outcome)]);
            }
        }
        Some(left)
    }

    fn unary(&mut self) -> Option<Vec<ExpressionBranch>> {
        let start = self.position;
        if self.depth >= DEPTH {
            return None;
        }
        self.depth += 1;
        let value = if self.sign("!") {
            let inner = self.unary()?;
            let source = self.source(start);
            let truth = match inner.as_slice() {
                [only] => only.truth(),
                _ => None,
            };
            let outcome = truth.map_or(ExpressionValue::Open(source), |truth| {
                ExpressionValue::Truth(!truth)
            });
            Some(vec![ExpressionBranch::new(outcome)])
        } else {
            self.primary()
        };
        self.depth -= 1;
        value
    }

    fn primary(&mut self) -> Option<Vec<ExpressionBranch>> {
        let start = self.position;
        if self.sign("(") {
            let inner = self.or()?;
            return self.sign(")").then_some(inner);
        }
        let token = self.tokens.get(self.position)?.clone();
        self.position += 1;
        let name = match token {
            ExpressionToken::Text(text) => {
                let text = Located::new(text, self.place);
                return Some(vec![ExpressionBranch::new(ExpressionValue::Text(text))]);
            }
            ExpressionToken::Sign(_) => return None,
            ExpressionToken::Name(name) => name,
        };
        if self.sign("(") {
            let arguments = self.arguments()?;
            return Some(self.call(&name, &arguments, start));
        }
        let mut path = name;
        while self.sign("[") {
            match self.tokens.get(self.position) {
                Some(ExpressionToken::Text(key)) => path = format!("{path}.{key}"),
                Some(ExpressionToken::Name(key)) => path = format!("{path}[{key}]"),
                _ => return None,
            }
            self.position += 1;
            while !self.sign("]") {
                self.tokens.get(self.position)?;
                self.position += 1;
            }
            if let Some(ExpressionToken::Name(more)) = self.tokens.get(self.position)
                && more.starts_with('.')
            {
                path.push_str(more);
                self.position += 1;
            }
        }
        Some(match path.as_str() {
            "true" => vec![ExpressionBranch::new(ExpressionValue::Truth(true))],
            "false" | "null" => vec![ExpressionBranch::new(ExpressionValue::Truth(false))],
            number if number.parse::<f64>().is_ok() => {
                vec![ExpressionBranch::new(ExpressionValue::Text(Located::new(
                    number, self.place,
                )))]
            }
            path => self.contexts.context(path),
        })
    }

    /// Parses the arguments of a function, after its opening parenthesis.
    fn arguments(&mut self) -> Option<Vec<Vec<ExpressionBranch>>> {
        let mut arguments = Vec::new();
        while !self.sign(")") {
            arguments.push(self.or()?);
            let next = self.tokens.get(self.position);
            let is_last = matches!(next, Some(ExpressionToken::Sign(")")));
            if !is_last && !self.sign(",") {
                return None;
            }
        }
        Some(arguments)
    }

    fn call(
        &self,
        name: &str,
        arguments: &[Vec<ExpressionBranch>],
        start: usize,
    ) -> Vec<ExpressionBranch> {
        let open = || {
            vec![ExpressionBranch::new(ExpressionValue::Open(
                self.source(start),
            ))]
        };
        if !name.eq_ignore_ascii_case("format") {
            return open();
        }
        let mut variants = vec![Vec::new()];
        let mut conditions = vec![Vec::new()];
        for argument in arguments {
            let mut next = Vec::new();
            let mut next_conditions = Vec::new();
            for (values, when) in variants.iter().zip(&conditions) {
                for branch in argument {
                    let mut values: Vec<Located> = values.clone();
                    values.push(self.contexts.text_of(&branch.outcome, self.place));
                    let mut when: Vec<String> = when.clone();
                    when.extend(branch.when.iter().cloned());
                    next.push(values);
                    next_conditions.push(when);
                }
            }
            next.truncate(MOST);
            next_conditions.truncate(MOST);
            variants = next;
            conditions = next_conditions;
        }
        let mut all = Vec::new();
        for (values, when) in variants.into_iter().zip(conditions) {
            let Some((pattern, rest)) = values.split_first() else {
                return open();
            };
            let mut text = pattern.as_str().to_owned();
            for (index, value) in rest.iter().enumerate() {
                text = text.replace(&format!("{{{index}}}"), value.as_str());
            }
            let outcome = ExpressionValue::Text(Located::new(text, self.place));
            all.push(ExpressionBranch::new(outcome).with(&when));
        }
        all
    }
}

fn compared(sign: &str, left: &[ExpressionBranch], right: &[ExpressionBranch]) -> Option<bool> {
    let ([left], [right]) = (left, right) else {
        return None;
    };
    if left.is_default || right.is_default {
        return None;
    }
    let text = |branch: &ExpressionBranch| match &branch.outcome {
        ExpressionValue::Text(text) if !has_mark(text.as_str()) => {
            Some(text.as_str().to_lowercase())
        }
        ExpressionValue::Truth(truth) => Some(truth.to_string()),
        _ => None,
    };
    let equal = text(left)? == text(right)?;
    match sign {
        "==" => Some(equal),
        "!=" => Some(!equal),
        _ => None,
    }
}
