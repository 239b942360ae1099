//! Signatures, attestations and SBOMs: refs that belong to another manifest.
//!
//! Two schemes identify that manifest. A manifest names it as `subject` (OCI image specification,
//! `manifest.md`). For registries that do not list referrers, a tag contains its digest:
//! `sha256-<hex>` for an index of all referrers (distribution specification, referrers tag schema),
//! and with the suffix `.sig`, `.att` or `.sbom` for the artifacts that cosign pushes.

use super::RefKind;
use crate::format::digest::Digest;
use crate::format::manifest::{Descriptor, ManifestDocument};

/// Parts of the media types that identify signatures: cosign, sigstore, notation.
const SIGNATURES: [&str; 4] = [
    "dev.cosign.simplesigning",
    "dev.cosign.artifact.sig",
    "dev.sigstore.bundle",
    "cncf.notary.signature",
];

/// The relation of a document to another manifest.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Relation {
    subject: Option<Digest>,
    is_index: bool,
    is_signature: bool,
}

/// The manifest that a ref belongs to, and the kind of ref.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Belonging {
    pub subject: Digest,
    /// [`RefKind::Signature`] or [`RefKind::Artifact`].
    pub kind: RefKind,
}

/// Returns the relation of a document to another manifest.
pub(super) fn relation(document: &ManifestDocument) -> Relation {
    let is_signature = |media_type: &str| {
        SIGNATURES
            .iter()
            .any(|signature| media_type.contains(signature))
    };
    let (is_index, is_signature) = match document {
        ManifestDocument::Index {
            entries,
            artifact_type,
            ..
        } => {
            let is_one = |entry: &Descriptor| is_signature(&entry.artifact_type);
            let all = !entries.is_empty() && entries.iter().all(is_one);
            (true, all || is_signature(artifact_type))
        }
        ManifestDocument::Manifest {
            config,
            layers,
            artifact_type,
            ..
        } => {
            let of_a_layer = layers.iter().any(|layer| is_signature(&layer.media_type));
            (
                false,
                of_a_layer || is_signature(artifact_type) || is_signature(&config.media_type),
            )
        }
        ManifestDocument::Artifact { artifact_type, .. } => (false, is_signature(artifact_type)),
        ManifestDocument::Schema1 { .. } => (false, false),
    };
    Relation {
        subject: document
            .subject()
            .and_then(|subject| subject.digest.valid()),
        is_index,
        is_signature,
    }
}

/// Returns the manifest that a ref with this name belongs to; the content takes precedence.
pub(super) fn belonging(name: Option<&str>, relation: Relation) -> Option<Belonging> {
    let by_tag = name.and_then(subject_in_tag);
    let kind = |is_signature| {
        if is_signature {
            RefKind::Signature
        } else {
            RefKind::Artifact
        }
    };
    if let Some(subject) = relation.subject {
        let is_signature =
            relation.is_signature || matches!(by_tag, Some((tagged, ".sig")) if tagged == subject);
        let kind = kind(is_signature);
        return Some(Belonging { subject, kind });
    }
    match by_tag? {
        // Without a suffix the tag is that of an index; an image may have such a tag for itself.
        (_, "") if !relation.is_index => None,
        (subject, ending) => Some(Belonging {
            subject,
            kind: kind(ending == ".sig" || (ending.is_empty() && relation.is_signature)),
        }),
    }
}

/// Returns the digest in a tag, and its suffix, empty or starting with the dot.
fn subject_in_tag(name: &str) -> Option<(Digest, &str)> {
    let tag = name.rsplit(['/', ':']).next()?;
    let (algorithm, rest) = tag.split_once('-')?;
    let (hex, ending) = match rest.find('.') {
        Some(point) => rest.split_at(point),
        None => (rest, ""),
    };
    let digest = format!("{algorithm}:{hex}").parse().ok()?;
    Some((digest, ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_signatures_give_their_subject() {
        let subject = Digest::of(b"image");
        let tag = format!("sha256-{}", subject.hex());
        let index = Relation {
            is_index: true,
            ..Relation::default()
        };
        let of = |name: &str, relation| belonging(Some(name), relation).map(|found| found.kind);
        let plain = Relation::default();
        assert_eq!(of(&format!("{tag}.sig"), plain), Some(RefKind::Signature));
        assert_eq!(of(&format!("{tag}.att"), plain), Some(RefKind::Artifact));
        assert_eq!(of(&format!("{tag}.sbom"), plain), Some(RefKind::Artifact));
        assert_eq!(
            of(&format!("ghcr.io/acme/app:{tag}.sig"), plain),
            Some(RefKind::Signature)
        );
        assert_eq!(of(&tag, index), Some(RefKind::Artifact));
        assert_eq!(of(&tag, plain), None);
        for other in ["main", "sha256-12.sig", "sha-1234567", &subject.to_string()] {
            assert_eq!(of(other, index), None, "{other}");
        }
    }

    #[test]
    fn a_subject_counts_more_than_a_tag() {
        let subject = Digest::of(b"image");
        let other = Digest::of(b"other");
        let relation = Relation {
            subject: Some(subject),
            ..Relation::default()
        };
        let name = format!("sha256-{}.sig", other.hex());
        let found = belonging(Some(&name), relation).unwrap();
        assert_eq!((found.subject, found.kind), (subject, RefKind::Artifact));
        assert_eq!(belonging(None, relation).unwrap().subject, subject);
    }
}
