//! The text of a cache configuration, parsed without loss: unknown parts are refused, and unchanged
//! parts are written back verbatim.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConfigDocument<'a> {
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    pub(super) layers: Vec<LayerDocument<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    pub(super) records: Vec<RecordDocument<'a>>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LayerDocument<'a> {
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub(super) blob: Cow<'a, str>,
    /// Omitted if it is 0, as in Go.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) parent: i64,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) annotations: Option<&'a RawValue>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RecordDocument<'a> {
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    pub(super) layers: Vec<TopResult<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    pub(super) chains: Vec<ChainResult<'a>>,
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub(super) digest: Cow<'a, str>,
    /// A group may be `null`; BuildKit then refuses the whole configuration.
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    pub(super) inputs: Vec<Option<Vec<LinkDocument<'a>>>>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TopResult<'a> {
    pub(super) layer: i64,
    #[serde(
        borrow,
        rename = "createdAt",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub(super) created_at: Option<&'a RawValue>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChainResult<'a> {
    pub(super) layers: Vec<i64>,
    #[serde(
        borrow,
        rename = "createdAt",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub(super) created_at: Option<&'a RawValue>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LinkDocument<'a> {
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub(super) selector: Cow<'a, str>,
    #[serde(default)]
    pub(super) link: i64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}
