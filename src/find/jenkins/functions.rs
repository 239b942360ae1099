//! Functions of a pipeline that return a string, and `withEnv`.

use std::collections::HashMap;

use super::{JenkinsReader, JenkinsToken, tokens};
use crate::find::embedded;
use crate::format::located::{Located, TextPlace};

/// The deepest nesting of calls.
const DEPTH: usize = 4;

/// A function: its parameters, and the place of what it returns.
#[derive(Debug, Clone)]
pub(super) struct GroovyFunction {
    parameters: Vec<String>,
    returns: usize,
}

/// Finds `def name(a, b) { return … }` and `String name(a) { … }`.
pub(super) fn of(tokens: &[JenkinsToken]) -> HashMap<String, GroovyFunction> {
    let mut found = HashMap::new();
    for (index, token) in tokens.iter().enumerate() {
        let JenkinsToken::Word(kind, _) = token else {
            continue;
        };
        if matches!(kind.as_str(), "def" | "String" | "static")
            && let Some(JenkinsToken::Word(name, _)) = tokens.get(index + 1)
            && let Some(function) = function(tokens, index + 2)
        {
            found.insert(name.clone(), function);
        }
    }
    found
}

fn function(tokens: &[JenkinsToken], start: usize) -> Option<GroovyFunction> {
    if !matches!(tokens.get(start), Some(JenkinsToken::Sign('('))) {
        return None;
    }
    let mut parameters = Vec::new();
    let mut last = None;
    let mut index = start + 1;
    loop {
        match tokens.get(index)? {
            JenkinsToken::Word(word, _) => last = Some(word.clone()),
            JenkinsToken::Sign(',') => parameters.extend(last.take()),
            JenkinsToken::Sign(')') => {
                parameters.extend(last.take());
                break;
            }
            JenkinsToken::Line => {}
            JenkinsToken::Text(..) | JenkinsToken::Sign(_) => return None,
        }
        index += 1;
    }
    index += 1;
    if !matches!(tokens.get(index), Some(JenkinsToken::Sign('{'))) {
        return None;
    }
    index += 1;
    while matches!(tokens.get(index), Some(JenkinsToken::Line)) {
        index += 1;
    }
    // A body with other statements is not evaluated.
    match tokens.get(index)? {
        JenkinsToken::Word(word, _) if word == "return" => Some(GroovyFunction {
            parameters,
            returns: index + 1,
        }),
        JenkinsToken::Text(..) => Some(GroovyFunction {
            parameters,
            returns: index,
        }),
        _ => None,
    }
}

impl JenkinsReader<'_> {
    /// Returns the text that a call returns, and the index after the call. `start` is the index of
    /// its first argument.
    pub(super) fn call(&self, name: &str, start: usize) -> Option<(Located, usize)> {
        let function = self.functions.get(name)?;
        if self.calls.get() >= DEPTH {
            return None;
        }
        let mut arguments = HashMap::new();
        let mut names = function.parameters.iter();
        let mut index = start;
        while !matches!(self.tokens.get(index), Some(JenkinsToken::Sign(')'))) {
            let (value, end) = self.value(index, name);
            arguments.insert(names.next()?.clone(), value?);
            index = end;
            if matches!(self.tokens.get(index), Some(JenkinsToken::Sign(','))) {
                index += 1;
            }
        }
        let inner = self.within(arguments);
        let (text, _) = inner.value(function.returns, name);
        Some((text?, index + 1))
    }

    /// Returns the reader of a function's body.
    fn within(&self, arguments: HashMap<String, Located>) -> JenkinsReader<'_> {
        let mut variables = self.variables.clone();
        variables.extend(arguments);
        JenkinsReader {
            session: self.session,
            tokens: self.tokens,
            variables,
            lists: self.lists.clone(),
            parameters: self.parameters.clone(),
            environment: self.environment.clone(),
            blocks: Vec::new(),
            functions: self.functions.clone(),
            calls: (self.calls.get() + 1).into(),
            branches: self.branches,
            condition: None,
        }
    }

    /// Returns the value of an expression in a string: a name, a call, or a choice.
    pub(super) fn expression(&self, source: &str, place: TextPlace) -> Located {
        if let Some(text) = self.joined_in(source) {
            return text;
        }
        if source.contains('?') {
            let tokens = tokens(&Located::new(source, place));
            let reader = JenkinsReader {
                tokens: &tokens,
                functions: HashMap::new(),
                ..self.within(HashMap::new())
            };
            if let Some((text, _)) = reader.choice(0, source) {
                return text;
            }
        }
        let name = source.split('(').next().unwrap_or(source);
        if name.len() < source.len() && self.functions.contains_key(name) {
            let tokens = tokens(&Located::new(source, place));
            let reader = JenkinsReader {
                tokens: &tokens,
                ..self.within(HashMap::new())
            };
            if let Some(text) = reader.called_in(self, name) {
                return text;
            }
        }
        self.lookup(source, place).used_at(place)
    }

    /// Evaluates the call that is the whole text of this reader; the function is one of `outer`.
    fn called_in(&self, outer: &JenkinsReader<'_>, name: &str) -> Option<Located> {
        let function = outer.functions.get(name)?;
        if self.calls.get() > DEPTH {
            return None;
        }
        let mut arguments = HashMap::new();
        let mut index = 2;
        for parameter in &function.parameters {
            let (value, end) = self.value(index, name);
            arguments.insert(parameter.clone(), value?);
            index = end + 1;
        }
        let inner = outer.within(arguments);
        inner.value(function.returns, name).0
    }

    /// `withEnv(['NAME=value'])`: the variables are kept for the rest of the pipeline.
    pub(super) fn with_env(&mut self, start: usize) {
        let mut index = start;
        let mut found = Vec::new();
        while let Some(token) = self.tokens.get(index) {
            match token {
                JenkinsToken::Text(text, interpolates) => {
                    found.push(self.interpolated(text, *interpolates));
                }
                JenkinsToken::Sign(')' | '{') => break,
                _ => {}
            }
            index += 1;
        }
        for text in found {
            if let Some((name, _)) = text.as_str().split_once('=') {
                let value = text.slice(name.len() + 1, text.len());
                let values = self.alternatives(&value);
                embedded::put_all(&mut self.environment, name, values);
            }
        }
    }
}
