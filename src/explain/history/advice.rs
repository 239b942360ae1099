//! Which instruction to move so that an input that changes runs fewer steps, and to which line.

use super::inputs::InputKind;
use super::{ChangedInputPlace, HistoryBuild};
use crate::explain::cause::CauseKind;
use crate::format::dockerfile::outline::{DockerfileOutline, OutlineInstruction};
use crate::format::provenance::{Build, SourceFile};
use crate::text::plural::one_or;

/// What to do about an input that changes often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// In words.
    pub text: String,
    /// The move, where one instruction is to be moved.
    pub to: Option<Move>,
}

/// An instruction that should stand further down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// The line of the instruction.
    pub from: u32,
    /// The line above which it should stand.
    pub to: u32,
    /// The RUN instructions that it passes.
    pub passed: Vec<u32>,
}

/// Returns advice about an input.
pub(super) fn of_input(
    history: &HistoryBuild,
    kind: InputKind,
    name: &str,
    place: Option<&ChangedInputPlace>,
) -> Option<Advice> {
    let of_kind = |kind: CauseKind| {
        let text = kind.advice()?.to_owned();
        Some(Advice { text, to: None })
    };
    match kind {
        InputKind::Label => None,
        InputKind::BaseImage => of_kind(CauseKind::BaseImage),
        InputKind::RemoteContent => of_kind(CauseKind::RemoteContent),
        InputKind::BuildArg | InputKind::Environment => {
            let place = place?;
            let (source, file) =
                files(&history.build).find(|(source, _)| source.name == place.file)?;
            of_variable(source.text.as_deref()?, &file, name, place.line)
        }
        InputKind::Content => {
            let place = place?;
            let (_, file) = files(&history.build).find(|(source, _)| source.name == place.file)?;
            of_copy(&file, place.line)
        }
    }
}

/// Returns how far down the declaration of a variable at a line may stand: above the first
/// instruction of its stage that names it.
pub fn of_variable(text: &str, file: &DockerfileOutline, name: &str, line: u32) -> Option<Advice> {
    let at = file
        .instructions
        .iter()
        .position(|found| *found.lines.start() == line)?;
    let declaration = &file.instructions[at];
    if declaration.stage.is_none() {
        return Some(Advice {
            text: "every step of a stage depends on its FROM: change the argument of FROM only on purpose".to_owned(),
            to: None,
        });
    }
    let path = InstructionsBelow::below(text, file, at, name);
    let moved: Vec<String> = path.moved.iter().map(u32::to_string).collect();
    let also = match moved.as_slice() {
        [] => String::new(),
        [one] => format!(", with line {one}, which uses it"),
        several => format!(", with the lines {}, which use it", several.join(", ")),
    };
    let word = word(&declaration.text);
    let count = path.passed.len();
    let text = match (count, path.first_use) {
        (0, Some(first)) => {
            return Some(Advice {
                text: format!("{word} {name} is already as late as possible: line {first} uses it"),
                to: None,
            });
        }
        (0, None) => return None,
        (_, Some(first)) => format!(
            "move {word} {name} from line {line} to just above line {first}{also}, unless a command reads it from its environment: {} above line {first} that {} not name it",
            runs(count),
            one_or(count, "does", "do"),
        ),
        (_, None) => format!(
            "move {word} {name} from line {line} to the end of its stage{also}, unless a command reads it from its environment: no RUN of the stage names it",
        ),
    };
    Some(Advice {
        text,
        to: Some(Move {
            from: line,
            to: path.first_use.unwrap_or(path.end + 1),
            passed: path.passed,
        }),
    })
}

fn runs(count: usize) -> String {
    match count {
        1 => "1 RUN stands".to_owned(),
        count => format!("{count} RUNs stand"),
    }
}

/// What stands below a declaration in its stage.
struct InstructionsBelow {
    /// The RUN instructions that do not name the variable.
    passed: Vec<u32>,
    /// Instructions that set other variables or labels from it, and move with it.
    moved: Vec<u32>,
    /// The first other instruction that names it.
    first_use: Option<u32>,
    /// The last line of the stage.
    end: u32,
}

impl InstructionsBelow {
    fn below(text: &str, file: &DockerfileOutline, at: usize, name: &str) -> Self {
        let lines: Vec<&str> = text.lines().collect();
        let stage = &file.instructions[at].stage;
        let mut known = vec![name.to_owned()];
        let mut path = Self {
            passed: Vec::new(),
            moved: Vec::new(),
            first_use: None,
            end: *file.instructions[at].lines.end(),
        };
        let below = file.instructions[at + 1..].iter();
        for instruction in below.take_while(|found| found.stage == *stage) {
            path.end = *instruction.lines.end();
            if path.first_use.is_some() {
                continue;
            }
            let line = *instruction.lines.start();
            let is_named = mentions(&whole(&lines, instruction), &known);
            match (word(&instruction.text).as_str(), is_named) {
                ("ENV" | "ARG", true) => {
                    path.moved.push(line);
                    known.extend(names(&instruction.text));
                }
                ("LABEL", true) => path.moved.push(line),
                (_, true) => path.first_use = Some(line),
                ("RUN", false) => path.passed.push(line),
                _ => {}
            }
        }
        path
    }
}

/// Returns the text of an instruction with its here-documents.
fn whole(lines: &[&str], instruction: &OutlineInstruction) -> String {
    let start = (*instruction.lines.start() as usize).saturating_sub(1);
    let end = (*instruction.lines.end() as usize).min(lines.len());
    lines.get(start..end).unwrap_or_default().join("\n")
}

/// Advises on a COPY whose files change often: the RUN instructions below it run again.
fn of_copy(file: &DockerfileOutline, line: u32) -> Option<Advice> {
    let at = file
        .instructions
        .iter()
        .position(|found| *found.lines.start() == line)?;
    let stage = &file.instructions[at].stage;
    let below = file.instructions[at + 1..].iter();
    let runs: Vec<&OutlineInstruction> = below
        .take_while(|found| found.stage == *stage)
        .filter(|found| word(&found.text) == "RUN")
        .collect();
    let [first, ..] = runs.as_slice() else {
        return Some(Advice {
            text: "no RUN follows it in its stage; list files that the image does not need in .dockerignore".to_owned(),
            to: None,
        });
    };
    let first = *first.lines.start();
    Some(Advice {
        text: format!(
            "above line {first} copy only the files that it reads, and the rest below it; or list files that the image does not need in .dockerignore"
        ),
        to: None,
    })
}

/// Returns the Dockerfiles of a build.
pub(super) fn files(build: &Build) -> impl Iterator<Item = (&SourceFile, DockerfileOutline)> {
    build.sources.iter().filter_map(|source| {
        let file = DockerfileOutline::parse(source.text.as_deref()?);
        Some((source, file))
    })
}

/// Returns the first word of an instruction in upper case.
pub(super) fn word(text: &str) -> String {
    text.split_whitespace()
        .next()
        .unwrap_or_default()
        .to_uppercase()
}

/// Returns the names that an `ARG`, `ENV` or `LABEL` sets.
pub(super) fn names(text: &str) -> Vec<String> {
    let mut words = text.split_whitespace();
    let kind = words.next().unwrap_or_default();
    let words: Vec<&str> = words.collect();
    let first = words.first().copied().unwrap_or_default();
    if kind.eq_ignore_ascii_case("ENV") && !first.contains('=') {
        return vec![first.to_owned()];
    }
    let name = |word: &&str| match word.split_once('=') {
        Some((name, _)) => Some(name.to_owned()),
        None => kind.eq_ignore_ascii_case("ARG").then(|| (*word).to_owned()),
    };
    let is_name = |name: &String| {
        !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
    };
    words.iter().filter_map(name).filter(is_name).collect()
}

/// Returns the variables that the values of a variable's `ENV` instructions use.
pub(super) fn used_by(build: &Build, name: &str) -> Vec<String> {
    let instructions = files(build).flat_map(|(_, file)| file.instructions);
    instructions
        .filter(|found| {
            word(&found.text) == "ENV" && names(&found.text).iter().any(|set| set == name)
        })
        .flat_map(|found| variables(&found.text))
        .collect()
}

/// Returns whether a text uses one of some variables, as `$NAME` or `${NAME…}`.
pub(super) fn mentions(text: &str, names: &[String]) -> bool {
    variables(text).iter().any(|found| names.contains(found))
}

/// Returns the names of the variables in a text.
fn variables(text: &str) -> Vec<String> {
    crate::explain::cause::variables(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first and last line of a move, and how many instructions it passes.
    type Move = (u32, u32, usize);

    fn of(text: &str, name: &str, line: u32) -> Option<(String, Option<Move>)> {
        let advice = of_variable(text, &DockerfileOutline::parse(text), name, line)?;
        let to = advice.to.map(|to| (to.from, to.to, to.passed.len()));
        Some((advice.text, to))
    }

    #[test]
    fn a_variable_moves_to_its_first_use() {
        let file = "FROM a\nARG SHA\nRUN one\nRUN two\nRUN echo $SHA\nRUN three\n";
        let (text, to) = of(file, "SHA", 2).unwrap();
        assert_eq!(to, Some((2, 5, 2)));
        assert_eq!(
            text,
            "move ARG SHA from line 2 to just above line 5, unless a command reads it from its environment: 2 RUNs stand above line 5 that do not name it"
        );
        // A use in a here-document counts.
        let heredoc = "FROM a\nARG SHA\nRUN <<EOF\necho $SHA\nEOF\nRUN two\n";
        let (text, to) = of(heredoc, "SHA", 2).unwrap();
        assert_eq!(
            (text.as_str(), to),
            (
                "ARG SHA is already as late as possible: line 3 uses it",
                None
            )
        );
    }

    #[test]
    fn lines_that_use_a_variable_move_with_it() {
        let file = "FROM a\nARG SHA=1\nENV VERSION=v-${SHA}\nRUN one\nLABEL rev=$SHA\nRUN two\nFROM b\nRUN three\n";
        let (text, to) = of(file, "SHA", 2).unwrap();
        assert_eq!(to, Some((2, 7, 2)));
        assert_eq!(
            text,
            "move ARG SHA from line 2 to the end of its stage, with the lines 3, 5, which use it, unless a command reads it from its environment: no RUN of the stage names it"
        );
        let used = "FROM a\nARG SHA=1\nENV VERSION=v-${SHA}\nRUN one\nRUN make VERSION=$VERSION\n";
        assert_eq!(of(used, "SHA", 2).unwrap().1, Some((2, 5, 1)));
        assert_eq!(of("FROM a\nARG SHA\nCOPY a b\n", "SHA", 2), None);
        assert_eq!(of("ARG TAG\nFROM a:$TAG\n", "TAG", 1).unwrap().1, None);
    }

    #[test]
    fn assigned_names_of_arg_and_env_are_found() {
        assert_eq!(names("ARG A B=2"), ["A", "B"]);
        assert_eq!(names("ENV A=1 B=\"x y\""), ["A", "B"]);
        assert_eq!(names("env OLD value=3"), ["OLD"]);
    }
}
