//! The options of a build in evidence without steps: the record of a failed build, and provenance
//! that was made with `mode=min`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::DescribedBuild;
use crate::format::evidence::{EvidenceDocument, NamedBuild};

/// Returns the options of the build that documents are about: those of the one record, or those in
/// provenance without steps. Of several builds, the one of `target` counts.
fn options<'a>(
    documents: &'a [EvidenceDocument],
    target: Option<&str>,
) -> Option<&'a BTreeMap<String, String>> {
    let records = documents.iter().filter_map(|document| match document {
        EvidenceDocument::Records(records) => Some(records),
        _ => None,
    });
    let mut records = records.flatten();
    if let (Some(record), None) = (records.next(), records.next()) {
        return Some(&record.attributes);
    }
    let builds = documents.iter().filter_map(|document| match document {
        EvidenceDocument::Options(builds) => Some(builds),
        _ => None,
    });
    let builds: Vec<&NamedBuild> = builds.flatten().collect();
    let found = match builds.as_slice() {
        [one] => Some(one),
        several => several
            .iter()
            .find(|named| target.is_some() && named.target.as_deref() == target),
    };
    found.map(|named| &named.build.request.args)
}

impl DescribedBuild {
    /// Copies the options that are not set otherwise from evidence of the same build. `target` is
    /// its target of bake, and `has_file` says whether the user named the Dockerfile.
    pub fn complete_from(
        &mut self,
        documents: &[EvidenceDocument],
        target: Option<&str>,
        has_file: bool,
    ) {
        if let Some(attributes) = options(documents, target) {
            self.fill_from(attributes, has_file);
        }
    }

    /// Copies the options that are not set otherwise from the attributes of a solve.
    fn fill_from(&mut self, attributes: &BTreeMap<String, String>, has_file: bool) {
        let options = &mut self.options;
        for (name, value) in attributes {
            let (kind, rest) = name.split_once(':').unwrap_or((name, ""));
            match kind {
                "build-arg" => {
                    let argument = options.build_args.entry(rest.to_owned());
                    argument.or_insert_with(|| value.clone());
                }
                "label" => {
                    let label = options.labels.entry(rest.to_owned());
                    label.or_insert_with(|| value.clone());
                }
                "target" if options.target.is_empty() => options.target.clone_from(value),
                "force-network-mode" if options.network.is_empty() => {
                    options.network.clone_from(value);
                }
                "platform" if options.platforms.is_empty() => options.platforms = listed(value),
                "add-hosts" if options.add_hosts.is_empty() => options.add_hosts = listed(value),
                "ulimit" if options.ulimits.is_empty() => options.ulimits = listed(value),
                "shm-size" if options.shm_size.is_empty() => options.shm_size.clone_from(value),
                "cgroup-parent" if options.cgroup_parent.is_empty() => {
                    options.cgroup_parent.clone_from(value);
                }
                "hostname" if options.hostname.is_empty() => options.hostname.clone_from(value),
                "no-cache" if value.is_empty() => options.no_cache = true,
                "no-cache" if options.no_cache_filter.is_empty() => {
                    options.no_cache_filter = listed(value);
                }
                "filename" if !has_file => self.file = dockerfile(self.context.as_deref(), value),
                _ => {}
            }
        }
    }
}

fn listed(value: &str) -> Vec<String> {
    let parts = value.split(',').map(str::trim);
    parts
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Returns the file of that name in the context; `None` if it does not exist.
fn dockerfile(context: Option<&str>, name: &str) -> Option<PathBuf> {
    let path = Path::new(context.unwrap_or(".")).join(name);
    path.is_file().then_some(path)
}
