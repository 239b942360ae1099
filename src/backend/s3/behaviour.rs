//! How a service handles deletions, as [`super::probe`] detects it.

/// How a service handles deletions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DeleteBehaviour {
    pub(super) batch: DeleteBatch,
    /// Whether a key is deleted only if it has the entity tag of the request.
    pub(super) checks_tag: bool,
    /// Whether a key is deleted only if it has the modification time of the request: a touch
    /// changes the time but not the tag.
    pub(super) checks_time: bool,
}

/// How many keys one request deletes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DeleteBatch {
    Many,
    /// Many, with the digest of the body in a header.
    ManyWithMd5,
    One,
}

impl DeleteBehaviour {
    /// Describes it in a sentence.
    pub(super) fn sentence(self) -> String {
        let batch = match self.batch {
            DeleteBatch::Many => "in batches",
            DeleteBatch::ManyWithMd5 => "in batches with Content-MD5",
            DeleteBatch::One => "one object at a time",
        };
        let condition = match (self.checks_tag, self.checks_time) {
            (_, true) => "only objects that nothing has touched since the last check",
            (true, false) => "only objects that still have the content of the last check",
            (false, false) => {
                "without a condition: a build that exports between the last check and the deletion can fail with NoSuchKey; run it again"
            }
        };
        format!("The service deletes {batch}, {condition}.")
    }
}
