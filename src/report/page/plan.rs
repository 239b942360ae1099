//! The deletions that a prune would make now.

use super::price::Price;
use crate::prune::plan::{FreesLater, ItemKind, Plan};
use crate::report::plan::later_words;
use crate::text::plural::counted;
use crate::text::units::Size;

/// How many items are listed.
const MOST_ITEMS: usize = 20;

/// A plan in short.
#[derive(Debug, Clone)]
pub struct PlanPart {
    /// Whether the configuration has rules. Without any only orphans are deleted.
    pub has_rules: bool,
    /// How many refs are deleted.
    pub refs: usize,
    /// How many refs are written again without some of their results.
    pub rewritten: usize,
    /// How many blobs and other objects are deleted in the first run.
    pub objects: u64,
    /// The bytes that the first run frees.
    pub bytes: u64,
    /// What a later run frees, once the grace of the blobs is over.
    pub later: FreesLater,
    /// The items that weigh most.
    pub items: Vec<ItemPart>,
    /// How many items there are.
    pub all_items: usize,
    pub warnings: Vec<String>,
}

/// Something that a prune deletes.
#[derive(Debug, Clone)]
pub struct ItemPart {
    pub kind: &'static str,
    /// Its name for people.
    pub name: String,
    /// What its deletion frees. A ref frees nothing by itself.
    pub bytes: u64,
    /// Why it is deleted.
    pub reasons: String,
}

impl ItemPart {
    /// Returns its size; a dash for a ref, whose blobs are items of their own.
    pub fn size(&self) -> String {
        let is_of_ref = [ItemKind::Ref, ItemKind::Results].map(ItemKind::word);
        if self.bytes == 0 && is_of_ref.contains(&self.kind) {
            return "–".to_owned();
        }
        Size(self.bytes).to_string()
    }
}

impl PlanPart {
    /// Sums a plan up.
    pub fn new(plan: &Plan, has_rules: bool) -> Self {
        let mut items: Vec<ItemPart> = Vec::new();
        for item in plan.delete().iter() {
            let reasons: Vec<String> = item.reasons.iter().map(ToString::to_string).collect();
            items.push(ItemPart {
                kind: item.target.kind().word(),
                name: item.target.name(),
                bytes: item.target.bytes(),
                reasons: reasons.join("; "),
            });
            // Keep the list short on the way: there may be a million items.
            if items.len() > 50 * MOST_ITEMS {
                keep_largest(&mut items);
            }
        }
        keep_largest(&mut items);
        Self {
            has_rules,
            refs: plan.refs(),
            rewritten: plan.delete().rewrites().count(),
            objects: plan.frees_objects(),
            bytes: plan.frees_bytes(),
            later: plan.frees_later(),
            all_items: plan.delete().iter().count(),
            items,
            warnings: plan.warnings().iter().map(ToString::to_string).collect(),
        }
    }
}

impl PlanPart {
    /// Sums the plan up in a sentence.
    pub fn sentence(&self, price: Option<&Price>) -> String {
        let rules = if self.has_rules {
            "With the rules of cachelens.toml"
        } else {
            "Without rules, only objects that no ref reaches"
        };
        let mut text = format!("{rules}: {}", self.counts());
        let bytes = self.bytes.saturating_add(self.later.bytes);
        if bytes > 0
            && let Some(price) = price
        {
            text += &format!(", which is {} a month", price.of(bytes));
        }
        text + "."
    }

    /// Says how much is deleted.
    pub fn counts(&self) -> String {
        let later = later_words(self.later).map_or_else(String::new, |words| format!("; {words}"));
        if self.all_items == 0 {
            return format!("nothing to delete now{later}");
        }
        let mut parts = Vec::new();
        if self.refs > 0 {
            parts.push(counted(self.refs, "ref"));
        }
        if self.rewritten > 0 {
            parts.push(format!("{} rewritten", counted(self.rewritten, "ref")));
        }
        if self.objects > 0 || self.rewritten == 0 {
            parts.push(counted(self.objects, "object"));
        }
        let what = parts.join(" and ");
        format!("{what}, {} freed at once{later}", Size(self.bytes))
    }
}

/// Keeps the refs and objects that weigh most, refs first.
fn keep_largest(items: &mut Vec<ItemPart>) {
    items.sort_by(|a, b| {
        let is_object = |item: &ItemPart| item.kind != ItemKind::Ref.word();
        (is_object(a), b.bytes, &a.name).cmp(&(is_object(b), a.bytes, &b.name))
    });
    items.truncate(MOST_ITEMS);
}
