//! `metrics.jsonl`: a line of JSON per epoch and replica, added as the epochs end.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;

use super::METRICS;
use crate::error::{Error, Kind, Result};
use crate::run::RunDirectory;
use crate::run::event::EpochMetrics;

/// Lines of `metrics.jsonl` that were left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Repaired {
    /// A second line of an epoch and replica.
    pub doubled: usize,
    /// No metrics at all.
    pub unreadable: usize,
}

impl Repaired {
    /// What was left out, in words; `None` where nothing was.
    pub fn describe(&self) -> Option<String> {
        let lines = |n: usize| if n == 1 { "line" } else { "lines" };
        let Repaired { doubled, unreadable } = *self;
        let parts = [
            (doubled > 0).then(|| format!("{doubled} doubled {}", lines(doubled))),
            (unreadable > 0).then(|| format!("{unreadable} {} that cannot be read", lines(unreadable))),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        (!parts.is_empty()).then(|| format!("{METRICS}: left out {}", parts.join(" and ")))
    }
}

impl RunDirectory {
    /// Adds a line for each of `metrics` to `metrics.jsonl`, in one write.
    ///
    /// # Errors
    /// The file system's.
    pub fn append_metrics(&self, metrics: &[EpochMetrics]) -> Result<()> {
        self.check_held()?;
        let path = self.file(METRICS);
        let failed = |e: std::io::Error| Error::io(&path, &e);
        let mut file = OpenOptions::new().create(true).append(true).open(&path).map_err(failed)?;
        file.write_all(&self.metric_lines(metrics)?).and_then(|()| file.sync_data()).map_err(failed)
    }

    /// Keeps the lines of `metrics.jsonl` that `keep` accepts, those up to the checkpoint that a run continues
    /// from, each once and in their order, and says what was wrong with the others: a last line that was cut
    /// short is an epoch's that was not finished, and no fault.
    ///
    /// # Errors
    /// The file system's.
    pub fn repair_metrics(&self, keep: impl Fn(&EpochMetrics) -> bool) -> Result<Repaired> {
        let mut repaired = Repaired::default();
        let mut metrics = BTreeMap::new();
        for line in self.whole_lines()?.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            match serde_json::from_slice::<EpochMetrics>(line) {
                Ok(line) if keep(&line) => {
                    // Of two, the later one is of the program that went on.
                    let before = metrics.insert((line.epoch, line.replica), line);
                    repaired.doubled += usize::from(before.is_some());
                }
                Ok(_) => {}
                Err(_) => repaired.unreadable += 1,
            }
        }
        let metrics: Vec<EpochMetrics> = metrics.into_values().collect();
        let lines = self.metric_lines(&metrics)?;
        self.write_bytes(METRICS, &lines)?;
        Ok(repaired)
    }

    /// The lines of `metrics.jsonl`, none where there is no such file. A last line that was cut short
    /// (the process was killed) does not count.
    ///
    /// # Errors
    /// Any other line that is no [`EpochMetrics`].
    pub fn read_metrics(&self) -> Result<Vec<EpochMetrics>> {
        let whole = self.whole_lines()?;
        let lines = whole.split(|byte| *byte == b'\n').zip(1..).filter(|(line, _)| !line.is_empty());
        lines
            .map(|(line, number)| {
                let read = serde_json::from_slice::<EpochMetrics>(line).map_err(|e| e.to_string());
                // Of a larger number a figure's axis could not be divided.
                let read = read.and_then(|metrics| match u32::try_from(metrics.epoch) {
                    Ok(_) => Ok(metrics),
                    Err(_) => Err(format!("epoch {}", metrics.epoch)),
                });
                read.map_err(|found| {
                    Error::data(format!("{}:{number}", self.file(METRICS).display()))
                        .expected("the metrics of an epoch and replica")
                        .found(found)
                        .advice(format!(
                            "`veilgrad train --resume {}` leaves such lines out",
                            self.path().display()
                        ))
                })
            })
            .collect()
    }

    /// `metrics.jsonl` up to its last line break; bytes, since a damaged line may be no text.
    fn whole_lines(&self) -> Result<Vec<u8>> {
        let path = self.file(METRICS);
        match fs::read(&path) {
            Ok(mut bytes) => {
                bytes.truncate(bytes.iter().rposition(|byte| *byte == b'\n').unwrap_or(0));
                Ok(bytes)
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(vec![]),
            Err(e) => Err(Error::io(&path, &e)),
        }
    }

    fn metric_lines(&self, metrics: &[EpochMetrics]) -> Result<Vec<u8>> {
        let mut lines = Vec::new();
        for metrics in metrics {
            serde_json::to_writer(&mut lines, metrics).map_err(|e| {
                Error::new(Kind::Io, self.file(METRICS).display().to_string()).found(e.to_string())
            })?;
            lines.push(b'\n');
        }
        Ok(lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metrics(epoch: usize, replica: usize) -> EpochMetrics {
        EpochMetrics { epoch, replica, loss: 0.1 + epoch as f64, ..EpochMetrics::default() }
    }

    #[test]
    fn metrics_are_lines_and_a_torn_last_one_does_not_count() {
        let parent = tempfile::tempdir().unwrap();
        let directory = RunDirectory::create(parent.path(), false).unwrap();
        assert_eq!(directory.read_metrics().unwrap(), []);
        let all = [metrics(1, 0), metrics(1, 1), metrics(2, 0), metrics(2, 1)];
        directory.append_metrics(&all[..2]).unwrap();
        directory.append_metrics(&all[2..]).unwrap();
        assert_eq!(directory.read_metrics().unwrap(), all);

        let path = directory.file(METRICS);
        let whole = fs::read_to_string(&path).unwrap();
        fs::write(&path, &whole[..whole.len() - 9]).unwrap();
        assert_eq!(directory.read_metrics().unwrap(), all[..3]);
        let repaired = directory.repair_metrics(|m| m.epoch <= 1).unwrap();
        assert_eq!(repaired.describe(), None, "a cut line is no fault");
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text, whole.lines().take(2).map(|l| format!("{l}\n")).collect::<String>());

        fs::write(&path, "").unwrap();
        directory.append_metrics(&[metrics(usize::MAX, 0)]).unwrap();
        let error = directory.read_metrics().unwrap_err().to_string();
        assert!(error.contains("epoch 18446744073709551615"), "{error}");
        fs::write(&path, "{}\n{\n").unwrap();
        let error = directory.read_metrics().unwrap_err().to_string();
        assert!(error.contains("metrics.jsonl:1: "), "{error}");
    }

    /// Two programs once wrote to one run.
    #[test]
    fn doubled_and_damaged_lines_are_left_out_and_said() {
        let parent = tempfile::tempdir().unwrap();
        let directory = RunDirectory::create(parent.path(), false).unwrap();
        let all = [metrics(1, 0), metrics(1, 1), metrics(2, 0), metrics(2, 1)];
        let whole = directory.metric_lines(&all).unwrap();
        let path = directory.file(METRICS);
        let later = directory.metric_lines(&[metrics(2, 0), metrics(1, 1)]).unwrap();
        fs::write(&path, [&whole[..], b"{\"epoch\":\xff\n\n", &later].concat()).unwrap();
        assert!(directory.read_metrics().unwrap_err().advice.contains("--resume"));
        let repaired = directory.repair_metrics(|_| true).unwrap();
        let said = "metrics.jsonl: left out 2 doubled lines and 1 line that cannot be read";
        assert_eq!(repaired.describe().as_deref(), Some(said));
        assert_eq!(fs::read(&path).unwrap(), whole);
    }
}
