//! The list of stages: their names, their dependencies, and cycles.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::ConversionRefusal;
use super::graph::{Paths, VertexState};
use super::image::BaseImageConfig;
use crate::format::dockerfile::lex::{Lexer, NoVariables};
use crate::format::dockerfile::{Instruction, InstructionKind, Lines, mount};
use crate::format::go_text;
use crate::format::llb::Platform;

/// The name of the image without files.
pub(super) const SCRATCH: &str = "scratch";

/// The index of a stage.
pub(super) type StageId = usize;

/// A stage, or an image in an instruction.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are independent of each other"
)]
pub(super) struct BuildStage {
    /// Its name in the file; empty when it has none.
    pub own_name: String,
    /// The name in its steps.
    pub shown_name: String,
    /// The name of its base; after resolution with tag and digest.
    pub base_name: String,
    pub base: Option<StageId>,
    /// The `FROM` instruction as written; empty for an image.
    pub code: String,
    /// The lines of the instruction; `None` for an image in a mount.
    pub lines: Option<Lines>,
    pub commands: Vec<StageCommand>,
    /// The stages that its commands depend on.
    pub needs: Vec<StageId>,
    pub platform: Option<Platform>,
    pub image: BaseImageConfig,
    pub state: VertexState,
    /// Whether it is an image in an instruction, and not a stage of the file.
    pub is_image: bool,
    pub named_context: Option<String>,
    pub is_resolved: bool,
    pub is_dispatched: bool,
    pub has_triggers: bool,
    pub step_count: usize,
    pub step: usize,
    /// Whether the current step comes from a trigger.
    pub in_trigger: bool,
    pub ignores_cache: bool,
    /// The paths of the build context that it uses.
    pub context_paths: Vec<String>,
    /// The paths that other stages use from it, shared with its base stage.
    pub paths: Paths,
    /// Why its base is unknown.
    pub unknown: Option<Rc<str>>,
    /// Whether the working directory is known although the image below is not: the file sets it by
    /// an absolute path.
    pub has_own_dir: bool,
    /// The index of each variable in the configuration.
    pub variables: HashMap<String, usize>,
}

/// An instruction with the stages that it depends on.
#[derive(Debug, Clone)]
pub(super) struct StageCommand {
    pub instruction: Rc<Instruction>,
    pub sources: Vec<StageId>,
    pub is_trigger: bool,
}

impl BuildStage {
    pub(super) fn new(base_name: &str) -> Self {
        Self {
            own_name: String::new(),
            shown_name: String::new(),
            base_name: base_name.to_owned(),
            base: None,
            code: String::new(),
            lines: None,
            commands: Vec::new(),
            needs: Vec::new(),
            platform: None,
            image: BaseImageConfig::default(),
            state: VertexState::scratch(),
            is_image: false,
            named_context: None,
            is_resolved: false,
            is_dispatched: false,
            has_triggers: false,
            step_count: 0,
            step: 0,
            in_trigger: false,
            ignores_cache: false,
            context_paths: Vec::new(),
            paths: Rc::new(RefCell::default()),
            unknown: None,
            has_own_dir: false,
            variables: HashMap::new(),
        }
    }
}

/// All stages in the order of the file, then the images in instructions.
#[derive(Debug, Default)]
pub(super) struct Stages {
    pub all: Vec<BuildStage>,
    by_name: HashMap<String, StageId>,
    /// The escape character of the file.
    escape: char,
}

impl Stages {
    /// Returns an empty list for a file with an escape character.
    pub fn new(escape: char) -> Self {
        Self {
            escape,
            ..Self::default()
        }
    }

    /// Adds a stage. If its base is exactly the name of an earlier stage, that stage is its base.
    pub fn add(&mut self, mut stage: BuildStage) -> StageId {
        let id = self.all.len();
        stage.base = self.by_name.get(&stage.base_name).copied();
        if stage.named_context.is_some() {
            stage.base = None;
        }
        if !stage.own_name.is_empty() {
            self.by_name.insert(stage.own_name.clone(), id);
        }
        self.all.push(stage);
        id
    }

    /// Finds a stage by its name, ignoring case.
    pub fn find(&self, name: &str) -> Option<StageId> {
        self.by_name.get(&go_text::lower(name)).copied()
    }

    /// Makes a command of an instruction, and adds the images in it. `owner` then depends on them.
    pub fn command(
        &mut self,
        owner: StageId,
        instruction: &Rc<Instruction>,
        is_trigger: bool,
    ) -> Result<StageCommand, ConversionRefusal> {
        let sources = match &instruction.kind {
            InstructionKind::Copy(copy) if !copy.from.is_empty() => {
                vec![self.copied(&copy.from, instruction.lines)?]
            }
            InstructionKind::Run(run) => {
                let mut sources = Vec::new();
                for text in &run.mounts {
                    let from = mount::from(text);
                    let from = if from.is_empty() { SCRATCH } else { &from };
                    sources.push(
                        self.find(from)
                            .unwrap_or_else(|| self.add_image(from, None)),
                    );
                }
                sources
            }
            _ => Vec::new(),
        };
        self.all[owner].needs.extend(&sources);
        Ok(StageCommand {
            instruction: Rc::clone(instruction),
            sources,
            is_trigger,
        })
    }

    /// Resolves the value of `COPY --from`: the index of a stage, its name, or an image.
    fn copied(&mut self, from: &str, lines: Lines) -> Result<StageId, ConversionRefusal> {
        let refused = |message: String| ConversionRefusal::at(message, lines);
        let expanded = Lexer::new(self.escape)
            .word(from, &NoVariables)
            .map_err(|error| refused(error.0))?;
        if expanded != *go_text::lossy(from) || !go_text::is_utf8(from) {
            return Err(refused(
                "variable expansion is not supported for --from, define a new stage with FROM using \
                 ARG from global scope as a workaround"
                    .to_owned(),
            ));
        }
        if let Some(place) = go_text::parse_int(from) {
            let place_of = usize::try_from(place)
                .ok()
                .filter(|place| *place < self.all.len());
            return place_of.ok_or_else(|| refused(format!("invalid stage index {place}")));
        }
        Ok(self
            .find(from)
            .unwrap_or_else(|| self.add_image(from, Some(lines))))
    }

    fn add_image(&mut self, name: &str, lines: Option<Lines>) -> StageId {
        self.add(BuildStage {
            is_image: true,
            lines,
            ..BuildStage::new(name)
        })
    }

    /// Returns the stages that a stage needs, including itself.
    pub fn reachable(&self, target: StageId) -> Vec<bool> {
        let mut reached = vec![false; self.all.len()];
        let mut open = vec![target];
        while let Some(stage) = open.pop() {
            if !std::mem::replace(&mut reached[stage], true) {
                let BuildStage { base, needs, .. } = &self.all[stage];
                open.extend(base.iter().chain(needs));
            }
        }
        reached
    }

    /// Refuses stages that depend on each other.
    pub fn refuse_cycles(&self) -> Result<(), ConversionRefusal> {
        let mut state = vec![StageVisit::New; self.all.len()];
        for start in 0..self.all.len() {
            if let Some(Cycle { lines }) = self.cycle_from(start, &mut state) {
                let name = &self.all[start].shown_name;
                let message = format!("circular dependency detected on stage: {name}");
                return Err(ConversionRefusal { message, lines });
            }
        }
        Ok(())
    }

    /// Searches for a cycle among the stages that a stage needs.
    fn cycle_from(&self, start: StageId, state: &mut [StageVisit]) -> Option<Cycle> {
        if state[start] != StageVisit::New {
            return None;
        }
        state[start] = StageVisit::Open;
        let mut open = vec![(start, 0)];
        while let Some((stage, next)) = open.last_mut() {
            let stage = *stage;
            let Some(need) = self.all[stage].needs.get(*next).copied() else {
                state[stage] = StageVisit::Done;
                open.pop();
                continue;
            };
            *next += 1;
            match state[need] {
                StageVisit::Open => {
                    let taking = |command: &&StageCommand| command.sources.contains(&need);
                    let command = self.all[stage].commands.iter().find(taking);
                    let lines = command.map(|command| command.instruction.lines);
                    return Some(Cycle { lines });
                }
                StageVisit::New => {
                    state[need] = StageVisit::Open;
                    open.push((need, 0));
                }
                StageVisit::Done => {}
            }
        }
        None
    }
}

/// Stages that depend on each other.
struct Cycle {
    /// The lines of the command that closes the cycle, if known.
    lines: Option<Lines>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StageVisit {
    New,
    Open,
    Done,
}
