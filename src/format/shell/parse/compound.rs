//! Compound commands: groups, conditions, loops and functions.

use super::Parser;
use crate::format::shell::{Join, List, PipelineStep, ShellCommand, Word};

impl Parser<'_> {
    pub(super) fn compound(&mut self) -> Option<ShellCommand> {
        if self.rest().starts_with("((") {
            self.balanced(2, "))");
            return None;
        }
        if self.peek() == Some('(') {
            self.advance();
            let list = self.list(&[]);
            if self.peek() == Some(')') {
                self.advance();
            }
            return Some(ShellCommand::Group(list));
        }
        if self.keyword("{") {
            return Some(ShellCommand::Group(self.braces()));
        }
        if self.keyword("if") {
            return Some(self.conditional());
        }
        if self.keyword("while") || self.keyword("until") {
            let condition = self.list(&["do"]);
            let body = self.body();
            return Some(ShellCommand::While { condition, body });
        }
        if self.keyword("case") {
            return self.case();
        }
        if self.keyword("function") {
            self.blanks();
            let name = self.word()?.literal()?;
            if self.rest().starts_with("()") {
                self.position += 2;
            }
            return self.function(name);
        }
        if self.keyword("for") || self.keyword("select") {
            return Some(self.repeated());
        }
        None
    }

    fn braces(&mut self) -> List {
        let list = self.list(&["}"]);
        self.keyword("}");
        list
    }

    fn body(&mut self) -> List {
        if !self.keyword("do") {
            return List::new();
        }
        let list = self.list(&["done"]);
        self.keyword("done");
        list
    }

    fn conditional(&mut self) -> ShellCommand {
        let mut arms = Vec::new();
        let mut otherwise = List::new();
        loop {
            let condition = self.list(&["then", "fi"]);
            self.keyword("then");
            let body = self.list(&["elif", "else", "fi"]);
            arms.push((condition, body));
            if self.keyword("elif") {
                continue;
            }
            if self.keyword("else") {
                otherwise = self.list(&["fi"]);
            }
            self.keyword("fi");
            return ShellCommand::If { arms, otherwise };
        }
    }

    fn repeated(&mut self) -> ShellCommand {
        self.blanks();
        if self.rest().starts_with("((") {
            self.balanced(2, "))");
            let condition = List::new();
            let body = self.body();
            return ShellCommand::While { condition, body };
        }
        let variable = self.name();
        let mut words = Vec::new();
        if self.keyword("in") {
            loop {
                self.blanks();
                let Some(word) = self.word() else { break };
                words.push(word);
            }
        }
        let body = self.body();
        ShellCommand::For {
            variable,
            words,
            body,
        }
    }

    pub(super) fn case(&mut self) -> Option<ShellCommand> {
        self.blanks();
        let subject = self.word()?;
        self.keyword("in");
        let mut arms = Vec::new();
        loop {
            self.gaps();
            if self.keyword("esac") || self.peek().is_none() {
                return Some(ShellCommand::Case { subject, arms });
            }
            if self.peek() == Some('(') {
                self.advance();
            }
            let patterns = self.patterns();
            let before = self.position;
            let list = self.list(&["esac"]);
            arms.push((patterns, list));
            if self.rest().starts_with(";;") {
                self.position += 2;
                if self.peek() == Some('&') {
                    self.advance();
                }
            } else if self.position == before && !self.at_keyword(&["esac"]) {
                self.advance();
            }
        }
    }

    fn patterns(&mut self) -> Vec<Word> {
        let mut patterns = Vec::new();
        loop {
            self.blanks();
            match self.peek() {
                Some('|') => self.advance(),
                Some(')') => {
                    self.advance();
                    return patterns;
                }
                None | Some('\n') => return patterns,
                _ => match self.word() {
                    Some(word) => patterns.push(word),
                    None => self.advance(),
                },
            }
        }
    }

    pub(super) fn function(&mut self, name: String) -> Option<ShellCommand> {
        self.gaps();
        let body = match self.command()? {
            ShellCommand::Group(list) => list,
            ShellCommand::Redirected { command, .. } => vec![PipelineStep {
                join: Join::Always,
                pipeline: vec![*command],
            }],
            other => vec![PipelineStep {
                join: Join::Always,
                pipeline: vec![other],
            }],
        };
        Some(ShellCommand::Function { name, body })
    }
}
