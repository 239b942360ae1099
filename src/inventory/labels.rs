//! The names that evidence gives to the records of a cache.

use crate::format::dockerfile::outline::OutlineStage;

/// The names of the records of one configuration, by index; empty without evidence.
pub type Labels = Vec<Option<RecordLabel>>;

/// The name of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordLabel {
    /// The instruction. It comes from a build's files: escape it before it reaches a terminal.
    pub text: String,
    /// The locations of the instruction, the first one first.
    pub places: Vec<StepPlace>,
    /// How sure the label is.
    pub certainty: Certainty,
    /// Whether the record is the key of the step itself, and not the content of files that the step
    /// uses.
    pub is_step: bool,
    /// The platform of the step, where the evidence describes builds for several.
    pub platform: Option<String>,
}

/// How sure a match is. A later variant is surer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Certainty {
    /// Only the operation is the same, on other inputs.
    SameOperation,
    /// The operation is the same, on records of the same steps, but somewhere below only the
    /// operation matches: a former build left the record.
    SameSteps,
    /// All keys agree, but a key of a source or of files could not be computed, and any record was
    /// accepted for it.
    Assumed,
    /// All keys agree.
    Proved,
}

/// The location of an instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepPlace {
    /// The file's name.
    pub file: String,
    /// The first line, counted from 1.
    pub first_line: u32,
    pub last_line: u32,
    /// The stage; `None` if the file's text is missing.
    pub stage: Option<OutlineStage>,
    /// The instruction there; empty if the file's text is missing.
    pub text: String,
}
