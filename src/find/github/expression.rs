//! Expressions of GitHub workflows, evaluated as far as a file alone allows.

use std::collections::HashMap;

use crate::find::script::Variant;
use crate::find::session::Session;
use crate::format::located::{Located, Place};
use crate::format::tree::Node;
use crate::format::unknown::has_mark;

/// The most values of one text that are kept.
const MOST: usize = 16;
/// The deepest nesting of expressions.
const DEPTH: usize = 32;

/// The names that expressions may refer to.
#[derive(Clone)]
pub(super) struct Contexts<'s> {
    session: &'s Session<'s>,
    pub(super) env: HashMap<String, Vec<Variant>>,
    /// The defaults of inputs.
    inputs: HashMap<String, Located>,
    /// The outputs of earlier steps and jobs, by `steps.id.name` and `needs.job.name`.
    pub(super) outputs: HashMap<String, Vec<Variant>>,
}

/// A value of an expression.
#[derive(Debug, Clone)]
enum Outcome {
    Text(Located),
    Truth(bool),
    /// Unknown, with its source.
    Open(String),
}

/// A value and its conditions.
#[derive(Debug, Clone)]
struct Branch {
    outcome: Outcome,
    when: Vec<String>,
}

impl Branch {
    fn new(outcome: Outcome) -> Self {
        Self {
            outcome,
            when: Vec::new(),
        }
    }

    fn truth(&self) -> Option<bool> {
        match &self.outcome {
            Outcome::Text(text) if has_mark(text.as_str()) => Some(true),
            Outcome::Text(text) => Some(!text.is_empty() && text.as_str() != "0"),
            Outcome::Truth(truth) => Some(*truth),
            Outcome::Open(_) => None,
        }
    }

    fn under(mut self, condition: &str) -> Self {
        if !self.when.iter().any(|known| known == condition) {
            self.when.push(condition.to_owned());
        }
        self
    }

    fn with(mut self, conditions: &[String]) -> Self {
        for condition in conditions {
            self = self.under(condition);
        }
        self
    }
}

impl<'s> Contexts<'s> {
    pub(super) fn new(session: &'s Session<'s>) -> Self {
        Self {
            session,
            env: HashMap::new(),
            inputs: HashMap::new(),
            outputs: HashMap::new(),
        }
    }

    /// Adds the defaults of inputs.
    pub(super) fn inputs(&mut self, inputs: Node<'_>) {
        for (name, input) in inputs.entries() {
            if let Some(default) = input.get("default").and_then(Node::text) {
                let default = self.evaluate(default);
                if let [only] = default.as_slice() {
                    self.inputs
                        .insert(name.as_str().to_owned(), only.text.clone());
                }
            }
        }
    }

    /// Adds variables of the environment.
    pub(super) fn env(&mut self, env: Option<Node<'_>>) {
        let mut added = Vec::new();
        for (name, value) in env.into_iter().flat_map(Node::entries) {
            if let Some(text) = value.scalar() {
                added.push((name.as_str().to_owned(), self.evaluate(text)));
            }
        }
        self.env.extend(added);
    }

    /// Replaces the expressions of a text.
    pub(super) fn evaluate(&self, text: &Located) -> Vec<Variant> {
        let mut variants = vec![Variant {
            text: Located::default(),
            when: Vec::new(),
            sure: true,
        }];
        let source = text.as_str();
        let mut position = 0;
        while let Some(found) = source[position..].find("${{") {
            let start = position + found;
            let Some(end) = closing(&source[start..]).map(|end| start + end) else {
                break;
            };
            append(&mut variants, &text.slice(position, start));
            let place = text.place_at(start);
            let values = self.expression(&source[start + 3..end], place);
            variants = product(&variants, &values);
            position = end + 2;
        }
        append(&mut variants, &text.slice(position, source.len()));
        variants
    }

    /// Returns the values of an expression as text.
    fn expression(&self, source: &str, place: Place) -> Vec<Variant> {
        let source = source.trim();
        let tokens = tokens(source);
        let mut parser = Evaluator {
            contexts: self,
            tokens: &tokens,
            position: 0,
            place,
            depth: 0,
        };
        let branches = parser.or();
        let complete = parser.position == tokens.len();
        let branches = match branches {
            Some(branches) if complete && !branches.is_empty() => branches,
            _ => vec![Branch::new(Outcome::Open(shortened(source)))],
        };
        let variant = |branch: Branch| Variant {
            text: self.text_of(&branch.outcome, place),
            when: branch.when,
            sure: false,
        };
        branches.into_iter().map(variant).collect()
    }

    fn text_of(&self, outcome: &Outcome, place: Place) -> Located {
        match outcome {
            Outcome::Text(text) => text.used_at(place),
            Outcome::Truth(true) => Located::new("true", place),
            Outcome::Truth(false) => Located::new("", place),
            Outcome::Open(source) => self.session.unknown(source, place),
        }
    }

    fn context(&self, path: &str) -> Vec<Branch> {
        let lower = path.to_lowercase();
        let variants = if let Some(name) = path.strip_prefix("env.") {
            self.env.get(name).cloned()
        } else if let Some(name) = path
            .strip_prefix("inputs.")
            .or_else(|| path.strip_prefix("github.event.inputs."))
        {
            self.inputs
                .get(name)
                .map(|text| vec![Variant::of(text.clone())])
        } else {
            // `steps.ID.outputs.NAME` and `needs.JOB.outputs.NAME`
            let output = lower.replace(".outputs.", ".");
            self.outputs.get(&output).cloned()
        };
        match variants {
            Some(variants) => {
                let branch = |variant: Variant| Branch {
                    outcome: match variant.text.as_str() {
                        "true" => Outcome::Truth(true),
                        "false" => Outcome::Truth(false),
                        _ => Outcome::Text(variant.text),
                    },
                    when: variant.when,
                };
                variants.into_iter().map(branch).collect()
            }
            None => vec![Branch::new(Outcome::Open(path.to_owned()))],
        }
    }
}

fn append(variants: &mut [Variant], text: &Located) {
    for variant in variants {
        variant.text.push(text);
    }
}

fn product(before: &[Variant], values: &[Variant]) -> Vec<Variant> {
    let mut all = Vec::new();
    for first in before {
        for second in values {
            if all.len() >= MOST {
                return all;
            }
            let mut next = first.clone();
            next.text.push(&second.text);
            for condition in &second.when {
                if !next.when.contains(condition) {
                    next.when.push(condition.clone());
                }
            }
            next.sure = false;
            all.push(next);
        }
    }
    all
}

/// Returns the offset of the `}}` that closes an expression; strings may hold braces.
pub(super) fn closing(text: &str) -> Option<usize> {
    let mut in_string = false;
    for (offset, character) in text.char_indices().skip(3) {
        match character {
            '\'' => in_string = !in_string,
            '}' if !in_string && text[offset..].starts_with("}}") => return Some(offset),
            _ => {}
        }
    }
    text.find("}}")
}

fn shortened(source: &str) -> String {
    let joined: Vec<&str> = source.split_whitespace().collect();
    joined.join(" ").chars().take(100).collect()
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Name(String),
    Text(String),
    Sign(&'static str),
}

const SIGNS: [&str; 13] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "(", ")", ",", "[",
];

fn tokens(source: &str) -> Vec<Token> {
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
            found.push(Token::Text(text));
            rest = tail;
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            found.push(Token::Sign(sign));
            rest = &rest[sign.len()..];
        } else if first == ']' {
            found.push(Token::Sign("]"));
            rest = &rest[1..];
        } else {
            let end = rest
                .find(|c: char| !(c.is_alphanumeric() || "_-.*".contains(c)))
                .unwrap_or(rest.len());
            let end = end.max(first.len_utf8());
            found.push(Token::Name(rest[..end].to_owned()));
            rest = &rest[end..];
        }
    }
    found
}

struct Evaluator<'e, 's> {
    contexts: &'e Contexts<'s>,
    tokens: &'e [Token],
    position: usize,
    place: Place,
    depth: usize,
}

impl Evaluator<'_, '_> {
    fn sign(&mut self, sign: &str) -> bool {
        let here = matches!(self.tokens.get(self.position), Some(Token::Sign(s)) if *s == sign);
        if here {
            self.position += 1;
        }
        here
    }

    fn source(&self, from: usize) -> String {
        let mut text = String::new();
        for token in &self.tokens[from..self.position] {
            match token {
                Token::Name(name) => text.push_str(name),
                Token::Text(value) => {
                    text.push('\'');
                    text.push_str(value);
                    text.push('\'');
                }
                Token::Sign(sign @ ("&&" | "||" | "==" | "!=" | "<" | ">" | "<=" | ">=")) => {
                    text.push(' ');
                    text.push_str(sign);
                    text.push(' ');
                }
                Token::Sign(",") => text.push_str(", "),
                Token::Sign(sign) => text.push_str(sign),
            }
        }
        shortened(&text)
    }

    fn or(&mut self) -> Option<Vec<Branch>> {
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
                        let known: Vec<&Branch> =
                            right.iter().filter(|r| r.truth().is_some()).collect();
                        if known.is_empty() {
                            all.push(Branch {
                                outcome: Outcome::Open(whole.clone()),
                                when: branch.when.clone(),
                            });
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

    fn and(&mut self) -> Option<Vec<Branch>> {
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
                        let untaken = Branch::new(Outcome::Truth(false)).with(&branch.when);
                        all.push(untaken.under(&format!("not {condition}")));
                    }
                }
            }
            all.truncate(MOST);
            left = all;
        }
        Some(left)
    }

    fn comparison(&mut self) -> Option<Vec<Branch>> {
        let start = self.position;
        let left = self.unary()?;
        for sign in ["==", "!=", "<=", ">=", "<", ">"] {
            if self.sign(sign) {
                let right = self.unary()?;
                let source = self.source(start);
                let outcome =
                    compared(sign, &left, &right).map_or(Outcome::Open(source), Outcome::Truth);
                return Some(vec![Branch::new(outcome)]);
            }
        }
        Some(left)
    }

    fn unary(&mut self) -> Option<Vec<Branch>> {
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
            let outcome = truth.map_or(Outcome::Open(source), |truth| Outcome::Truth(!truth));
            Some(vec![Branch::new(outcome)])
        } else {
            self.primary()
        };
        self.depth -= 1;
        value
    }

    fn primary(&mut self) -> Option<Vec<Branch>> {
        let start = self.position;
        if self.sign("(") {
            let inner = self.or()?;
            return self.sign(")").then_some(inner);
        }
        let token = self.tokens.get(self.position)?.clone();
        self.position += 1;
        let name = match token {
            Token::Text(text) => {
                let text = Located::new(text, self.place);
                return Some(vec![Branch::new(Outcome::Text(text))]);
            }
            Token::Sign(_) => return None,
            Token::Name(name) => name,
        };
        if self.sign("(") {
            let mut arguments = Vec::new();
            while !self.sign(")") {
                arguments.push(self.or()?);
                if !self.sign(",")
                    && !matches!(self.tokens.get(self.position), Some(Token::Sign(")")))
                {
                    return None;
                }
            }
            return Some(self.call(&name, &arguments, start));
        }
        let mut path = name;
        while self.sign("[") {
            match self.tokens.get(self.position) {
                Some(Token::Text(key)) => path = format!("{path}.{key}"),
                Some(Token::Name(key)) => path = format!("{path}[{key}]"),
                _ => return None,
            }
            self.position += 1;
            while !self.sign("]") {
                self.tokens.get(self.position)?;
                self.position += 1;
            }
            if let Some(Token::Name(more)) = self.tokens.get(self.position)
                && more.starts_with('.')
            {
                path.push_str(more);
                self.position += 1;
            }
        }
        Some(match path.as_str() {
            "true" => vec![Branch::new(Outcome::Truth(true))],
            "false" | "null" => vec![Branch::new(Outcome::Truth(false))],
            number if number.parse::<f64>().is_ok() => {
                vec![Branch::new(Outcome::Text(Located::new(number, self.place)))]
            }
            path => self.contexts.context(path),
        })
    }

    fn call(&self, name: &str, arguments: &[Vec<Branch>], start: usize) -> Vec<Branch> {
        let open = || vec![Branch::new(Outcome::Open(self.source(start)))];
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
            let outcome = Outcome::Text(Located::new(text, self.place));
            all.push(Branch { outcome, when });
        }
        all
    }
}

fn compared(sign: &str, left: &[Branch], right: &[Branch]) -> Option<bool> {
    let ([left], [right]) = (left, right) else {
        return None;
    };
    let text = |branch: &Branch| match &branch.outcome {
        Outcome::Text(text) if !has_mark(text.as_str()) => Some(text.as_str().to_lowercase()),
        Outcome::Truth(truth) => Some(truth.to_string()),
        _ => None,
    };
    let equal = text(left)? == text(right)?;
    match sign {
        "==" => Some(equal),
        "!=" => Some(!equal),
        _ => None,
    }
}
