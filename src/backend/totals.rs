//! A count of objects with their bytes.

/// A count and the total bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// The number of items.
    pub count: u64,
    /// Their total size in bytes.
    pub bytes: u64,
}

impl Totals {
    /// Counts an item of this many bytes.
    pub fn add(&mut self, bytes: u64) {
        self.count += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Returns the sum of both.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }
}

impl FromIterator<u64> for Totals {
    /// Sums up items by their sizes in bytes.
    fn from_iter<I: IntoIterator<Item = u64>>(bytes: I) -> Self {
        let mut totals = Self::default();
        bytes.into_iter().for_each(|bytes| totals.add(bytes));
        totals
    }
}
