//! The stages of an explained build, for pictures.

use super::Explanation;
use crate::format::provenance::StepIndex;

/// A stage with its steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainedStage {
    /// Its name; empty for steps without a known stage.
    pub name: String,
    /// The other stages whose results its steps use, in the order of their use.
    pub needs: Vec<String>,
    /// Its steps, in the order of the file.
    pub steps: Vec<StepIndex>,
}

impl Explanation {
    /// Groups `steps` by stage, in the order of the first step of each. A base image belongs to
    /// the first stage that names it, and connects no stages.
    pub fn stages(&self, steps: &[StepIndex]) -> Vec<ExplainedStage> {
        let mut stages: Vec<ExplainedStage> = Vec::new();
        for step in steps {
            let name = self.stage_name(*step);
            let known = stages.iter().position(|stage| stage.name == name);
            let place = known.unwrap_or(stages.len());
            if known.is_none() {
                stages.push(ExplainedStage {
                    name,
                    needs: Vec::new(),
                    steps: Vec::new(),
                });
            }
            let stage = &mut stages[place];
            stage.steps.push(*step);
            for input in &self.build.steps[step.at()].inputs {
                let needed = self.stage_name(input.step);
                let is_other = needed != stage.name && !needed.is_empty();
                let has_result = self.is_judged(input.step);
                if is_other && has_result && !stage.needs.contains(&needed) {
                    stage.needs.push(needed);
                }
            }
        }
        stages
    }

    /// Returns the stage of a step; empty where it is not known.
    fn stage_name(&self, step: StepIndex) -> String {
        let place = self.place(step);
        let stage = place.and_then(|place| place.stage.as_ref());
        stage.map_or_else(String::new, ToString::to_string)
    }
}
