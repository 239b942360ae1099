//! Unit tests of the parts; cases of whole policies stand in `tests/scenarios`.

use super::*;
