//! Collects declarations in the form of the report.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::bake::BakeFileList;
use super::declaration::{Declaration, Direction, Facts};
use super::fields::{
    csv_fields, has_no_repository, is_secret, join_fields, with_lower_name, with_type_in_front,
    without_login,
};
use super::mistakes::in_source;
use super::repository::Repository;
use crate::format::located::{Located, TextPlace};
use crate::format::unknown::{Unknowns, has_mark, is_mark, only_mark, to_pattern};

/// The most declarations that are kept.
const MOST: usize = 20_000;

/// The most uses of one template that are followed.
const MOST_USES: usize = 100;

/// A fault found while a file is read.
#[derive(Debug, Clone)]
pub(super) struct Remark {
    pub(super) code: &'static str,
    pub(super) place: TextPlace,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

/// The state of one search.
pub(super) struct FindSession<'r> {
    pub(super) repository: &'r Repository,
    pub(super) unknowns: Unknowns,
    declared: RefCell<Vec<Declaration>>,
    index: RefCell<HashMap<Key, usize>>,
    pub(super) remarks: RefCell<Vec<Remark>>,
    /// The variables of scripts that a caller sets to a cache, by file.
    supplied: RefCell<HashSet<(String, String)>>,
    /// The directories that commands move, with their new names.
    moved: RefCell<HashSet<(String, String)>>,
    /// How often each template was read where a pipeline uses it.
    used: RefCell<HashMap<String, usize>>,
    /// The bake files that commands read together.
    pub(super) bake_files: RefCell<Vec<BakeFileList>>,
}

/// What a search has found in all files.
pub(super) struct Collected {
    pub(super) declared: Vec<Declaration>,
    pub(super) remarks: Vec<Remark>,
    /// The directories that commands move, as patterns, with their new names.
    pub(super) moved: HashSet<(String, String)>,
}

type Key = (String, Direction, String, u32, String, Option<String>);

/// A text that is used as a cache.
pub(super) struct CacheUse<'u> {
    pub(super) text: &'u Located,
    pub(super) direction: Direction,
    pub(super) tool: &'u str,
    pub(super) target: Option<&'u str>,
    /// The conditions of the use.
    pub(super) when: &'u [String],
    pub(super) facts: &'u Arc<Facts>,
}

impl<'r> FindSession<'r> {
    pub(super) fn new(repository: &'r Repository) -> Self {
        Self {
            repository,
            unknowns: Unknowns::default(),
            declared: RefCell::default(),
            index: RefCell::default(),
            remarks: RefCell::default(),
            supplied: RefCell::default(),
            moved: RefCell::default(),
            used: RefCell::default(),
            bake_files: RefCell::default(),
        }
    }

    /// Returns the text for an unknown part.
    pub(super) fn unknown(&self, name: &str, place: TextPlace) -> Located {
        Located::new(self.unknowns.mark(name), place)
    }

    /// Adds a fault.
    pub(super) fn remark(
        &self,
        code: &'static str,
        place: TextPlace,
        message: String,
        hint: Option<String>,
    ) {
        self.remarks.borrow_mut().push(Remark {
            code,
            place,
            message,
            hint,
        });
    }

    /// Remembers that a caller sets a variable of scripts to a cache.
    pub(super) fn supply(&self, files: &[u32], variable: &str) {
        let mut supplied = self.supplied.borrow_mut();
        for file in files {
            supplied.insert((self.repository.name(*file), variable.to_owned()));
        }
    }

    /// Remembers that a command moves a directory.
    pub(super) fn moves(&self, from: &str, to: &str) {
        let moved = (to_pattern(from), to_pattern(to));
        self.moved.borrow_mut().insert(moved);
    }

    /// Remembers that a template is read where a pipeline uses it. Returns false if that happened
    /// too often: templates may use each other.
    pub(super) fn mark_used(&self, template: &str) -> bool {
        let mut used = self.used.borrow_mut();
        let count = used.entry(template.to_owned()).or_default();
        *count += 1;
        *count <= MOST_USES
    }

    /// Whether a template was read where a pipeline uses it.
    pub(super) fn is_used(&self, template: &str) -> bool {
        self.used.borrow().contains_key(template)
    }

    /// Declares each cache in a text.
    pub(super) fn declare(&self, used: &CacheUse<'_>) {
        let text = used.text.trimmed();
        if text.is_empty() {
            return;
        }
        if text.as_str().contains('=') || only_mark(text.as_str()).is_some() {
            self.declare_one(used, &text);
            return;
        }
        for field in text.split(',') {
            let field = field.trimmed();
            if !field.is_empty() {
                self.declare_one(used, &field);
            }
        }
    }

    fn declare_one(&self, used: &CacheUse<'_>, text: &Located) {
        let written = text.as_str();
        let fields = csv_fields(written);
        let Some(fields) = self.with_type(&fields) else {
            let message = "The cache has no type, so the build fails.".to_owned();
            let hint = Some("Add `type=…` in front.".to_owned());
            self.remark("missing-type", text.place(), message, hint);
            return;
        };
        let fields = fields.into_iter().map(with_lower_name).collect();
        let fields = with_type_in_front(fields);
        if has_no_repository(&fields) {
            return;
        }
        self.find_literal_secret(&fields, text.place());
        let kept: Vec<String> = fields
            .iter()
            .filter(|field| !is_secret(field))
            .map(|f| without_login(f))
            .collect();
        let cache = if kept.len() == 1 && only_mark(&kept[0]).is_some() {
            "*".to_owned()
        } else {
            join_fields(kept.iter().map(|field| to_pattern(field)))
        };
        let expression = join_fields(kept.iter().map(|field| self.expressed(field)));
        let names = self.unknowns.names_in(&kept.join(","));
        let place = text.place();
        let when: Vec<String> = used
            .when
            .iter()
            .map(|condition| self.expressed(condition))
            .collect();
        self.add(Declaration {
            cache,
            direction: used.direction,
            file: self.repository.name(place.file),
            line: place.line,
            tool: used.tool.to_owned(),
            target: used.target.map(to_pattern),
            has_target_pattern: used.target.is_some_and(|target| target.contains('*')),
            note: note(&names, &when),
            facts: Arc::clone(used.facts),
            expression,
            when,
            written: self.safe(&fields, written),
            opens: None,
        });
    }

    /// Finds credentials that are written into a file.
    fn find_literal_secret(&self, fields: &[String], place: TextPlace) {
        let kept = fields.iter().filter(|field| !is_secret(field)).cloned();
        let kept = self.expressed(&join_fields(kept.map(|field| without_login(&field))));
        let is_written = |field: &&String| {
            let value = field.split_once('=').map_or("", |(_, value)| value.trim());
            is_secret(field) && !value.is_empty() && !has_mark(value)
        };
        let Some(field) = fields.iter().find(is_written) else {
            return;
        };
        let name = field.split('=').next().unwrap_or_default().trim();
        let message = format!("The credential `{name}` is written into the file.");
        let hint = format!(
            "Write `{}` and give the credential in the environment, from a secret of the CI system.",
            in_source(&kept)
        );
        self.remark("literal-secret", place, message, Some(hint));
    }

    /// Returns the text as written if it holds no credentials.
    fn safe(&self, fields: &[String], written: &str) -> String {
        let secret = fields
            .iter()
            .any(|field| is_secret(field) || without_login(field) != *field);
        if secret {
            String::new()
        } else {
            self.expressed(written)
        }
    }

    /// Converts bare references. Returns `None` for attributes without a type.
    fn with_type(&self, fields: &[String]) -> Option<Vec<String>> {
        let [first, rest @ ..] = fields else {
            return None;
        };
        if rest.is_empty() && !first.contains('=') {
            let names_a_cache = only_mark(first).is_some_and(|mark| !self.is_reference(mark));
            if names_a_cache {
                return Some(vec![first.clone()]);
            }
            return Some(vec!["type=registry".to_owned(), format!("ref={first}")]);
        }
        let typed = fields.iter().any(|field| {
            let key = field
                .split_once('=')
                .map(|(key, _)| key.trim().to_lowercase());
            key.as_deref() == Some("type")
        });
        if typed {
            return Some(fields.to_vec());
        }
        let opaque = fields
            .iter()
            .find(|field| !field.contains('=') && has_mark(field));
        opaque.map(|field| vec![field.chars().filter(|c| is_mark(*c)).take(1).collect()])
    }

    /// Whether the name of an unknown part suggests an image.
    fn is_reference(&self, mark: char) -> bool {
        let name = self.unknowns.name(mark).unwrap_or_default().to_lowercase();
        ["image", "ref", "repo", "tag"]
            .iter()
            .any(|word| name.contains(word))
            && !name.contains("cache")
    }

    /// Replaces the marks by names.
    pub(super) fn expressed(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        for character in text.chars() {
            match self.unknowns.name(character) {
                Some(name) => {
                    // `${NAME,,}`: a comma would separate attributes.
                    let name = name.replace(",,", " in lower case");
                    out.push('{');
                    out.extend(
                        name.chars()
                            .filter(|c| !matches!(c, ',' | '"' | '{' | '}' | '=')),
                    );
                    out.push('}');
                }
                None => out.push(character),
            }
        }
        out
    }

    fn add(&self, declaration: Declaration) {
        let key = (
            declaration.cache.clone(),
            declaration.direction,
            declaration.file.clone(),
            declaration.line,
            declaration.tool.clone(),
            declaration.target.clone(),
        );
        let mut declared = self.declared.borrow_mut();
        let mut index = self.index.borrow_mut();
        if let Some(known) = index.get(&key).and_then(|at| declared.get_mut(*at)) {
            if declaration.when.len() < known.when.len() {
                known.note = declaration.note;
                known.when = declaration.when;
            }
            return;
        }
        if declared.len() < MOST {
            index.insert(key, declared.len());
            declared.push(declaration);
        }
    }

    /// Returns what was found, in the order of files and lines.
    pub(super) fn finish_sorted(self) -> Collected {
        let mut declared = self.declared.into_inner();
        let supplied = self.supplied.into_inner();
        // A variable of a script whose caches are those of its callers.
        declared.retain(|declaration| {
            let variable = declaration.expression.trim_matches(['{', '}']);
            // A variable of a loop has its source behind its own name.
            let variable = variable.rsplit(' ').next().unwrap_or(variable);
            let key = (declaration.file.clone(), variable.to_owned());
            declaration.cache != "*" || !supplied.contains(&key)
        });
        declared.sort_by(|a, b| {
            (&a.file, a.line, a.direction, &a.target).cmp(&(
                &b.file,
                b.line,
                b.direction,
                &b.target,
            ))
        });
        Collected {
            declared,
            remarks: self.remarks.into_inner(),
            moved: self.moved.into_inner(),
        }
    }
}

fn note(names: &[String], when: &[String]) -> Option<String> {
    let mut parts = Vec::new();
    if !names.is_empty() {
        parts.push(format!("* stands for {}", names.join(", ")));
    }
    for condition in when {
        let part = format!("if {condition}");
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

impl FindSession<'_> {
    /// Adds a remark that only parts of a large file are read.
    pub(super) fn skipped_in_part(&self, file: &str, bytes: usize) {
        let place = TextPlace::new(self.repository.number(file), 1);
        let message = format!(
            "The file has {bytes} bytes: entries that do not mention a cache were skipped."
        );
        self.remark("skipped", place, message, None);
    }

    /// Adds a remark that a file could not be read to its end.
    pub(super) fn skipped(&self, file: &str, line: u32, reason: &str) {
        let place = TextPlace::new(self.repository.number(file), line.max(1));
        let message = format!("The file was skipped: {reason}.");
        self.remark("skipped", place, message, None);
    }
}
