//! From a plan to a smaller store, and back.

use std::path::Path;

use cachelens::retention::{Action, Condition, Criteria, Keep, Policy, Rule, TextField};
use cachelens::tui::pruning::{Access, Pruning};
use jiff::SignedDuration;
use tempfile::TempDir;

use crate::support::fixture::Fixture;
use crate::support::journey::{Journey, prunable};

/// A policy that keeps the newest two refs, with a grace that the fixtures have outlived.
fn pruning(access: Access, journals: &Path, rules: Vec<Rule>) -> Pruning {
    let policy = Policy { grace: SignedDuration::from_hours(1), rules, ..Policy::default() };
    let policy_from = (!policy.rules.is_empty()).then(|| "cachelens.toml".to_owned());
    Pruning { access, policy, policy_from, journals: Some(journals.to_owned()) }
}

fn keep_last(count: u32) -> Rule {
    let criteria = Criteria { last: std::num::NonZeroU32::new(count), ..Criteria::default() };
    Rule { name: "the newest".into(), conditions: Vec::new(), action: Action::Keep(Keep { criteria, ..Keep::default() }) }
}

#[test]
fn scratch() {
    let env = |name: &str, or: &str| std::env::var(name).unwrap_or(or.into());
    let layout = Fixture::named(&env("SET", "shop")).layout(&env("LIST", "local.json"));
    let journals = TempDir::new().unwrap();
    let size = env("SIZE", "80x24");
    let (w, h) = size.split_once('x').unwrap();
    let access = if env("WRITE", "1") == "1" { Access::Write } else { Access::ReadOnly };
    let rules = env("LAST", "").parse().ok().map(keep_last).into_iter().collect();
    let mut journey = Journey::with(
        pruning(access, journals.path(), rules),
        vec![prunable("./cache", layout.path())],
        (w.parse().unwrap(), h.parse().unwrap()),
    );
    for key in env("KEYS", "").split(' ').filter(|key| !key.is_empty()) {
        if key == "!" {
            println!("{}", journey.screen());
        } else {
            journey.press(key);
        }
    }
    println!("{}", journey.screen());
}
