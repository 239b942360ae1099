//! The output of commands in substitutions.

use super::{Partial, combine, describe};
use crate::find::script::variables::unite;
use crate::find::script::{Script, Variable, Variant};
use crate::format::located::{Located, TextPlace};
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
        let is_option = |word: &&Word| {
            word.bare()
                .is_some_and(|word| matches!(word, "-n" | "-e" | "-E" | "--"))
        };
        let options = words.iter().take_while(is_option).count();
        let words = &words[options..];
        let start = Partial {
            when: self.guards.clone(),
            ..Partial::default()
        };
        let all = match words {
            [format, arguments @ ..] if is_printf && !arguments.is_empty() => {
                self.formatted(start, format, arguments)?
            }
            _ => self.separated(start, words),
        };
        let variant = |partial: Partial| Variant {
            text: partial.current,
            when: partial.when,
            sure: false,
        };
        Some(all.into_iter().map(variant).collect())
    }

    /// Joins the words of `echo` with blanks.
    fn separated(&mut self, start: Partial, words: &[Word]) -> Vec<Partial> {
        let mut all = vec![start];
        for (index, word) in words.iter().enumerate() {
            let found = Variable::Scalar(self.values(word));
            if index > 0 {
                for partial in &mut all {
                    partial.append(&Located::new(" ", word.place));
                }
            }
            all = combine(all, &found, false, self.use_at(word.place));
        }
        all
    }

    /// Inserts arguments into a format of `printf`, which is used again for each group of them.
    fn formatted(
        &mut self,
        start: Partial,
        format: &Word,
        arguments: &[Word],
    ) -> Option<Vec<Partial>> {
        let text = format.literal()?.replace("%%", "\u{2}");
        let parts: Vec<&str> = text.split("%s").collect();
        let (last, before) = parts.split_last()?;
        if before.is_empty() || text.matches('%').count() > before.len() {
            return None;
        }
        let literal = |part: &str| {
            let text = part.replace('\u{2}', "%").replace("\\n", "\n");
            Located::new(text, format.place)
        };
        let arguments = self.printed_words(arguments);
        let groups = arguments.len().div_ceil(before.len()).max(1);
        let mut arguments = arguments.into_iter();
        let mut all = vec![start];
        for _ in 0..groups {
            for part in before {
                for partial in &mut all {
                    partial.append(&literal(part));
                }
                if let Some((values, place)) = arguments.next() {
                    let found = Variable::Scalar(values);
                    all = combine(all, &found, false, self.use_at(place));
                }
            }
            for partial in &mut all {
                partial.append(&literal(last));
            }
        }
        for partial in &mut all {
            let end = partial.current.as_str().trim_end_matches('\n').len();
            partial.current = partial.current.slice(0, end);
        }
        Some(all)
    }

    /// Returns the words that `printf` gets, each with its values. An array is several words.
    fn printed_words(&mut self, arguments: &[Word]) -> Vec<(Vec<Variant>, TextPlace)> {
        let mut words = Vec::new();
        for word in arguments {
            let slot = self.slot(word);
            let given = match slot.as_slice() {
                [several] if several.len() > 1 => super::super::run::arguments(&slot),
                _ => vec![self.values(word)],
            };
            words.extend(given.into_iter().map(|values| (values, word.place)));
        }
        words
    }
}
