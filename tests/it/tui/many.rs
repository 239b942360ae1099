//! A million rows, on each screen that can have them.

use cachelens::backend::memory::MemoryCache;
use cachelens::format::digest::Digest;
use jiff::SignedDuration;

use crate::support::journey::{Journey, memory, now};

const SIZES: [(u16, u16); 2] = [(60, 16), (200, 60)];

/// A store of a million orphans, which are larger and younger the higher their number is.
fn a_million() -> MemoryCache {
    let mut cache = MemoryCache::default();
    for number in 0..1_000_000_u32 {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        let age = SignedDuration::from_secs(i64::from(10_000_000 - number));
        cache.add_stored(Digest::Sha256(bytes), number.into(), Some(now() - age));
    }
    cache
}

#[test]
fn a_million_blobs_are_drawn_on_each_screen() {
    let mut journey = Journey::new(vec![memory("./many", a_million())], SIZES[0]);
    for (width, height) in SIZES {
        journey.resize(width, height);
        journey.shows("100 % orphaned");
        journey.press("b");
        journey.shows(" 1/1,000,000 ");
        // The largest one.
        journey.shows_in("▸", "sha256:000f423f");
        journey.press("G");
        journey.shows(" 1,000,000/1,000,000 ");
        journey.shows_in("▸", "sha256:00000000");
        journey.press("m");
        journey.shows("0 of 1,000,000 objects");
        journey.press("m q t");
        journey.shows("orphans");
        journey.press("q c");
        journey.shows("1000000 blobs are not reached");
        journey.press("q p");
        journey.press("right right");
        journey.shows("[ keep 1,000,000 ]");
        // The kept ones have one reason; below it, the largest is first.
        journey.press("space j");
        journey.shows(" 2/1,000,001 ");
        journey.shows_in("▸", " 977 KiB ");
        journey.press("G");
        journey.shows(" 1,000,001/1,000,001 ");
        journey.shows_in("▸", " 0 B ");
        journey.press("g q");
    }
}
