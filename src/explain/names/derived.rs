//! Names for operations without a Dockerfile at hand, in the words of a Dockerfile where possible.

use crate::format::llb::{ExecOp, FileChange, FileOp, OpKind, SourceOp};

pub(super) fn name(op: &OpKind) -> String {
    match op {
        OpKind::Empty => "result".to_owned(),
        OpKind::Unknown => "unknown operation".to_owned(),
        OpKind::Exec(op) => exec(op),
        OpKind::Source(op) => source(op),
        OpKind::File(op) => file(op),
        OpKind::Build(_) => "build".to_owned(),
        OpKind::Merge(_) => "merge".to_owned(),
        OpKind::Diff(_) => "diff".to_owned(),
        OpKind::Passthrough(_) => "passthrough".to_owned(),
    }
}

fn exec(op: &ExecOp) -> String {
    let args: Vec<&str> = op.meta.args.0.iter().map(String::as_str).collect();
    let command = match args.as_slice() {
        ["/bin/sh", "-c", command] => (*command).to_owned(),
        args => args.join(" "),
    };
    format!("RUN {}", command.trim().lines().next().unwrap_or_default())
}

fn source(op: &SourceOp) -> String {
    match op.scheme() {
        ("docker-image" | "oci-layout", reference) => format!("FROM {}", without_digest(reference)),
        ("local", "context") => "build context".to_owned(),
        ("local", name) => format!("build context {name}"),
        ("git", reference) => format!("ADD git://{reference}"),
        _ => format!("ADD {}", op.identifier),
    }
}

fn without_digest(reference: &str) -> &str {
    reference
        .split_once('@')
        .map_or(reference, |(name, _)| name)
}

fn file(op: &FileOp) -> String {
    let changes: Vec<&FileChange> = op.actions.0.iter().map(|action| &action.change).collect();
    let copies: Option<Vec<_>> = changes
        .iter()
        .map(|change| {
            if let FileChange::Copy(copy) = change {
                Some(copy)
            } else {
                None
            }
        })
        .collect();
    // One instruction with several sources becomes as many copies.
    if let Some([first, rest @ ..]) = copies.as_deref()
        && rest.iter().all(|copy| copy.dest == first.dest)
    {
        let sources: Vec<&str> = copies
            .iter()
            .flatten()
            .map(|copy| copy.src.as_str())
            .collect();
        let instruction = if first.attempt_unpack { "ADD" } else { "COPY" };
        return format!("{instruction} {} {}", sources.join(" "), first.dest);
    }
    changes
        .into_iter()
        .map(change)
        .collect::<Vec<_>>()
        .join(", ")
}

fn change(change: &FileChange) -> String {
    match change {
        FileChange::Unknown => "change files".to_owned(),
        FileChange::Copy(copy) => format!("COPY {} {}", copy.src, copy.dest),
        FileChange::MakeFile(file) => format!("make file {}", file.path),
        FileChange::MakeDir(dir) if dir.make_parents => format!("WORKDIR {}", dir.path),
        FileChange::MakeDir(dir) => format!("make directory {}", dir.path),
        FileChange::Remove(remove) => format!("remove {}", remove.path),
        FileChange::Symlink(link) => format!("link {} to {}", link.new_path, link.old_path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::lenient;

    #[test]
    fn derived_names_are_dockerfile_instructions() {
        let cases = [
            (
                r#"{"exec":{"meta":{"args":["/bin/sh","-c","go build\nrm x"]}}}"#,
                "RUN go build",
            ),
            (
                r#"{"exec":{"meta":{"args":["go","build"]}}}"#,
                "RUN go build",
            ),
            (
                r#"{"source":{"identifier":"docker-image://docker.io/library/a:1@sha256:00"}}"#,
                "FROM docker.io/library/a:1",
            ),
            (
                r#"{"source":{"identifier":"local://extra"}}"#,
                "build context extra",
            ),
            (
                r#"{"source":{"identifier":"https://h/x"}}"#,
                "ADD https://h/x",
            ),
            (
                r#"{"file":{"actions":[{"Action":{"mkdir":{"path":"/x","makeParents":true}}}]}}"#,
                "WORKDIR /x",
            ),
            (
                r#"{"file":{"actions":[{"Action":{"copy":{"src":"/a","dest":"/d/"}}},{"Action":{"copy":{"src":"/b","dest":"/d/"}}}]}}"#,
                "COPY /a /b /d/",
            ),
            (
                r#"{"file":{"actions":[{"Action":{"rm":{"path":"/a"}}},{"Action":{"symlink":{"oldpath":"/b","newpath":"/c"}}}]}}"#,
                "remove /a, link /c to /b",
            ),
            (r#"{"file":{}}"#, ""),
            (r#"{"merge":{}}"#, "merge"),
        ];
        for (op, expected) in cases {
            assert_eq!(
                name(&lenient::parse(op.as_bytes()).unwrap()),
                expected,
                "{op}"
            );
        }
    }
}
