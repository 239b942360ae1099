//! The table of measurements, and helpers to measure.

use std::error::Error;
use std::fmt::Display;
use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::Outcome;

/// Lines that compare measurements with targets.
pub struct Table {
    missed: usize,
}

impl Table {
    /// Prints the header.
    pub fn start() -> Self {
        println!(
            "{:<72} {:>10} {:>10} {:>6}  ok",
            "what", "measured", "target", "ratio"
        );
        Self { missed: 0 }
    }

    /// Compares a time with its maximum.
    pub fn time(&mut self, what: impl Display, measured: Duration, target: Duration) {
        let shown = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1e3);
        self.line(
            &what.to_string(),
            &shown(measured),
            &shown(target),
            measured.as_secs_f64() / target.as_secs_f64(),
        );
    }

    /// Compares a number of bytes with its maximum.
    pub fn bytes(&mut self, what: impl Display, measured: f64, target: f64) {
        self.line(
            &what.to_string(),
            &format!("{measured:.1} B"),
            &format!("{target:.1} B"),
            measured / target,
        );
    }

    /// Compares a number with its maximum.
    pub fn number(&mut self, what: impl Display, measured: f64, target: f64) {
        self.line(
            &what.to_string(),
            &format!("{measured:.2}"),
            &format!("{target:.2}"),
            measured / target,
        );
    }

    /// Records that a part could not be measured.
    pub fn failure(&mut self, part: &str, error: &dyn Error) {
        self.missed += 1;
        println!("{part}: FAILED: {error}");
    }

    /// Ends the table.
    ///
    /// # Errors
    /// Fails if a target was missed, or a part could not be measured.
    pub fn end(self) -> Outcome {
        if self.missed == 0 {
            Ok(())
        } else {
            Err(format!("{} missed", self.missed).into())
        }
    }

    fn line(&mut self, what: &str, measured: &str, target: &str, ratio: f64) {
        let ok = ratio <= 1.0;
        self.missed += usize::from(!ok);
        println!(
            "{what:<72} {measured:>10} {target:>10} {ratio:>6.2}  {}",
            if ok { "yes" } else { "NO" }
        );
    }
}

/// Measures the time of some work; its result is dropped.
pub fn time<T>(work: impl FnOnce() -> Outcome<T>) -> Outcome<Duration> {
    let start = Instant::now();
    black_box(work()?);
    Ok(start.elapsed())
}

/// Measures the time of some work `times` times, after one run that does not count, and returns the
/// median.
pub fn median_time<T>(times: usize, mut work: impl FnMut() -> Outcome<T>) -> Outcome<Duration> {
    work()?;
    let times: Vec<Duration> = (0..times)
        .map(|_| time(&mut work))
        .collect::<Outcome<_>>()?;
    Ok(median(times))
}

/// Returns the median of some times; zero if there are none.
pub fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// Measures two works in turns, after one run of each that does not count, and returns the medians.
pub fn in_turns<A, B>(
    times: usize,
    mut ours: impl FnMut() -> Outcome<A>,
    mut peer: impl FnMut() -> Outcome<B>,
) -> Outcome<(Duration, Duration)> {
    ours()?;
    peer()?;
    let mut measured = Vec::with_capacity(times);
    for _ in 0..times {
        measured.push((time(&mut ours)?, time(&mut peer)?));
    }
    let (ours, peers) = measured.into_iter().unzip();
    Ok((median(ours), median(peers)))
}
