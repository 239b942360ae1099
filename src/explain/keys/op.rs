//! Key digests of operations whose key holds only the operation itself (`solver/llbsolver/ops` in
//! BuildKit).

use crate::format::digest::Digest;
use crate::format::go_json::{GoJson, document};
use crate::format::llb::{BuildOp, DiffOp, MergeOp, PassthroughOp};

pub(super) fn merge(op: &MergeOp) -> Digest {
    typed("buildkit.merge.v0", "Merge", op)
}

pub(super) fn diff(op: &DiffOp) -> Digest {
    typed("buildkit.diff.v0", "Diff", op)
}

/// Returns `None` if the operation holds a definition, which is not read.
pub(super) fn build(op: &BuildOp) -> Option<Digest> {
    // BuildKit really writes `Exec` here.
    op.definition
        .is_none()
        .then(|| typed("buildkit.build.v0", "Exec", op))
}

pub(super) fn passthrough(op: &PassthroughOp) -> Digest {
    typed("buildkit.passthrough.v0", "Passthrough", op)
}

fn typed(kind: &str, field: &str, op: &impl GoJson) -> Digest {
    let text = document(|fields| {
        fields.always("Type", kind).always(field, op);
    });
    Digest::of(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::lenient;

    fn digest(hex: &str) -> Digest {
        format!("sha256:{hex}").parse().unwrap()
    }

    #[test]
    fn agrees_with_buildkit() {
        let merged = merge(&lenient::parse(br#"{"inputs":[{},{"input":1}]}"#).unwrap());
        assert_eq!(
            merged,
            digest("436287a2dc2ce494f564331be9ea3a9f27ebec398567877043da2f618f33d6c8")
        );
        assert_eq!(
            super::super::root(&merged, 0),
            digest("5dbfbafede47210a7bd7363461bc885ec7310febe761daffdf666bfdae5970ff")
        );
        assert_eq!(
            diff(&lenient::parse(br#"{"lower":{},"upper":{"input":1}}"#).unwrap()),
            digest("164ae6dac10aea8de6cb7cda35914a10011485523f807ea840bca3e0ab19d8ff")
        );
    }

    #[test]
    fn the_preimages_of_the_others_are_these() {
        let op = lenient::parse(
            br#"{"attrs":{"b":"2","a":null},"builder":-1,"inputs":{"buildkit.llb.definition":{"input":0}}}"#,
        );
        assert_eq!(
            build(&op.unwrap()),
            Some(Digest::of(
                br#"{"Type":"buildkit.build.v0","Exec":{"builder":-1,"inputs":{"buildkit.llb.definition":{}},"attrs":{"a":"","b":"2"}}}"#
            ))
        );
        assert_eq!(build(&lenient::parse(br#"{"def":{}}"#).unwrap()), None);
        let op = lenient::parse(br#"{"outputs":[0,1],"id":"x"}"#);
        assert_eq!(
            passthrough(&op.unwrap()),
            Digest::of(
                br#"{"Type":"buildkit.passthrough.v0","Passthrough":{"id":"x","outputs":[0,1]}}"#
            )
        );
    }
}
