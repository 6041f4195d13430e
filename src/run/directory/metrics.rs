//! `metrics.jsonl`: a line of JSON per epoch and replica, added as the epochs end.

use std::fs::{self, OpenOptions};
use std::io::Write;

use super::METRICS;
use crate::error::{Error, Kind, Result};
use crate::run::RunDirectory;
use crate::run::event::EpochMetrics;

impl RunDirectory {
    /// Adds a line for each of `metrics` to `metrics.jsonl`, in one write.
    ///
    /// # Errors
    /// The file system's.
    pub fn append_metrics(&self, metrics: &[EpochMetrics]) -> Result<()> {
        let path = self.file(METRICS);
        let failed = |e: std::io::Error| Error::io(&path, &e);
        let mut file = OpenOptions::new().create(true).append(true).open(&path).map_err(failed)?;
        file.write_all(&self.metric_lines(metrics)?).and_then(|()| file.sync_data()).map_err(failed)
    }

    /// Keeps the lines of `metrics.jsonl` that `keep` accepts: those up to the checkpoint that a run
    /// continues from. A last line that was cut short goes.
    ///
    /// # Errors
    /// As [`read_metrics`](Self::read_metrics); the file system's.
    pub fn truncate_metrics(&self, keep: impl Fn(&EpochMetrics) -> bool) -> Result<()> {
        let mut metrics = self.read_metrics()?;
        metrics.retain(keep);
        let lines = self.metric_lines(&metrics)?;
        self.write_bytes(METRICS, &lines)
    }

    /// The lines of `metrics.jsonl`, none where there is no such file. A last line that was cut short
    /// (the process was killed) does not count.
    ///
    /// # Errors
    /// Any other line that is no [`EpochMetrics`].
    pub fn read_metrics(&self) -> Result<Vec<EpochMetrics>> {
        let path = self.file(METRICS);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(Error::io(&path, &e)),
        };
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole
            .lines()
            .zip(1..)
            .map(|(line, number)| {
                let read = serde_json::from_str::<EpochMetrics>(line).map_err(|e| e.to_string());
                // Of a larger number a figure's axis could not be divided.
                let read = read.and_then(|metrics| match u32::try_from(metrics.epoch) {
                    Ok(_) => Ok(metrics),
                    Err(_) => Err(format!("epoch {}", metrics.epoch)),
                });
                read.map_err(|found| {
                    Error::data(format!("{}:{number}", path.display()))
                        .expected("the metrics of an epoch and replica")
                        .found(found)
                })
            })
            .collect()
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
        directory.truncate_metrics(|m| m.epoch <= 1).unwrap();
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
}
