//! The output of commands in substitutions.

use super::{Partial, combine, describe};
use crate::find::script::variables::unite;
use crate::find::script::{Script, Variable, Variant};
use crate::format::located::Located;
use crate::format::shell::{List, ShellCommand, Word};

impl Script<'_, '_> {
    pub(in crate::find::script) fn printed(
        &mut self,
        list: &List,
        depth: usize,
    ) -> Option<Vec<Variant>> {
        let mut lines: Vec<Variant> = Vec::new();
        for step in list {
            let [command] = step.pipeline.as_slice() else {
                return None;
            };
            let printed = self.printed_by(command, depth)?;
            lines = unite(lines, printed);
        }
        (!lines.is_empty()).then_some(lines)
    }

    fn printed_by(&mut self, command: &ShellCommand, depth: usize) -> Option<Vec<Variant>> {
        if depth > 4 {
            return None;
        }
        match command {
            ShellCommand::Simple(simple) => {
                let name = simple.words.first()?.literal()?;
                if name == "cat" && simple.words.len() == 1 && !simple.inputs.is_empty() {
                    return Some(self.here_document(&simple.inputs));
                }
                if name == "echo" || name == "printf" {
                    return self.echoed(&simple.words[1..], name == "printf");
                }
                let (body, _) = self.functions.get(&name)?.clone();
                self.functions.insert(name.clone(), (body.clone(), true));
                let arguments: Vec<_> = simple.words[1..]
                    .iter()
                    .map(|word| self.values(word))
                    .collect();
                let outer = std::mem::replace(&mut self.positional, arguments);
                let had = std::mem::replace(&mut self.has_positional, true);
                let printed = self.printed(&body, depth + 1);
                self.positional = outer;
                self.has_positional = had;
                printed
            }
            ShellCommand::If { arms, otherwise } => {
                let mut all = Vec::new();
                for (condition, body) in arms {
                    self.guards.push(describe(condition));
                    let printed = self.printed(body, depth + 1);
                    self.guards.pop();
                    all = unite(all, printed?);
                }
                if !otherwise.is_empty() {
                    all = unite(all, self.printed(otherwise, depth + 1)?);
                }
                Some(all)
            }
            ShellCommand::Group(list) => self.printed(list, depth + 1),
            _ => None,
        }
    }

    pub(in crate::find::script) fn echoed(
        &mut self,
        words: &[Word],
        is_printf: bool,
    ) -> Option<Vec<Variant>> {
        let mut words: Vec<&Word> = words.iter().collect();
        let mut prefix = Located::default();
        while words
            .first()
            .and_then(|w| w.bare())
            .is_some_and(|w| matches!(w, "-n" | "-e" | "-E" | "--"))
        {
            words.remove(0);
        }
        if is_printf && words.len() > 1 {
            let format = words[0].literal()?;
            let format = format.trim_end_matches("\\n");
            let (before, after) = format.split_once("%s")?;
            if before.contains('%')
                || after.contains('%')
                || (!before.is_empty() && words.len() > 2)
            {
                return None;
            }
            prefix = Located::new(before, words[0].place);
            words.remove(0);
        }
        let mut all = vec![Partial {
            when: self.guards.clone(),
            current: prefix,
            ..Partial::default()
        }];
        for (index, word) in words.iter().enumerate() {
            let found = Variable::Scalar(self.values(word));
            if index > 0 {
                for partial in &mut all {
                    partial.append(&Located::new(" ", word.place));
                }
            }
            all = combine(all, &found, false, self.use_at(word.place));
        }
        let variant = |partial: Partial| Variant {
            text: partial.current,
            when: partial.when,
            sure: false,
        };
        Some(all.into_iter().map(variant).collect())
    }
}
