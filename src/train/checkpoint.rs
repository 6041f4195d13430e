//! Checkpoints: the networks and moments of a cohort after an epoch, with a checksum, the
//! last two kept. What else a run needs follows from its configuration and the epoch. A cohort is called by its
//! first replica: how many are trained at once depends on the adapter and its memory, and a run may go on with
//! other cohorts than it was begun with.
//!
//! File: safetensors with the tensors `classifier`, `attack` and `statistics`, those of the best epoch where it is
//! kept (`best.classifier`, `best.statistics`) and the metadata below, then
//! the SHA-256 of all of that. Written aside and renamed, so a file is there whole or not at all; the
//! checksum tells of what the disk does to it afterwards.

use super::snapshot::{Best, Snapshot};
use crate::error::{Error, Result};
use crate::run::RunDirectory;
use crate::run::directory::CHECKPOINT_PREFIX;
use crate::run::model_file::{NamedTensor, write_safetensors};
use safetensors::SafeTensors;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::Write;
use std::ops::Range;

/// Bytes of the checksum at the end.
const DIGEST: usize = 32;
/// Checkpoints of a cohort that are kept.
const KEPT: usize = 2;

/// The tensors of the best epoch, and the key of its scores.
const BEST: [&str; 2] = ["best.classifier", "best.statistics"];
const SCORES: &str = "best";
/// The key of the attack steps, where replicas find their number.
const PACES: &str = "attack steps";

fn name(first: usize, epochs: usize) -> String {
    format!("{CHECKPOINT_PREFIX}-group{first:03}-epoch{epochs:06}")
}

/// The first replica and the epochs of a checkpoint of this name.
fn parse(name: &str) -> Option<(usize, usize)> {
    let (first, epochs) =
        name.strip_prefix(CHECKPOINT_PREFIX)?.strip_prefix("-group")?.split_once("-epoch")?;
    Some((first.parse().ok()?, epochs.parse().ok()?))
}

/// Saves the `snapshot` of the cohort from replica `first` on after `epochs` epochs, then removes all but the
/// last two.
///
/// # Errors
/// The file system's; the older checkpoints are then still there.
pub fn save(directory: &RunDirectory, first: usize, epochs: usize, snapshot: &Snapshot) -> Result<()> {
    let frozen: Vec<String> =
        snapshot.frozen.iter().map(|step| step.map_or("-".to_string(), |s| s.to_string())).collect();
    let mut metadata = BTreeMap::from([
        ("epochs".to_string(), epochs.to_string()),
        ("first".to_string(), first.to_string()),
        ("frozen".to_string(), frozen.join(",")),
    ]);
    let mut parts = vec![
        ("classifier", &snapshot.classifier),
        ("attack", &snapshot.attack),
        ("statistics", &snapshot.statistics),
    ];
    let file = directory.file(&name(first, epochs));
    let json = |e: serde_json::Error| Error::io(&file, &e.into());
    if !snapshot.paces.is_empty() {
        metadata.insert(PACES.to_string(), serde_json::to_string(&snapshot.paces).map_err(json)?);
    }
    if let Some(best) = &snapshot.best {
        parts.extend([(BEST[0], &best.classifier), (BEST[1], &best.statistics)]);
        let scores = serde_json::to_string(&best.scores).map_err(json)?;
        metadata.insert(SCORES.to_string(), scores);
    }
    let tensor = |(name, data): (&str, &Vec<f32>)| NamedTensor {
        name: name.into(),
        shape: vec![data.len()],
        data: data.clone(),
    };
    let tensors: Vec<NamedTensor> = parts.into_iter().map(tensor).collect();
    let mut bytes = Vec::new();
    write_safetensors(&mut bytes, &tensors, &metadata).map_err(|e| Error::io(&file, &e))?;
    let digest = Sha256::digest(&bytes);
    directory.write(&name(first, epochs), |writer| {
        writer.write_all(&bytes).and_then(|()| writer.write_all(&digest)).map_err(|e| Error::io(&file, &e))
    })?;
    // What claims to be newer is damaged: this run resumed from before it.
    let (mut others, newer): (Vec<usize>, Vec<usize>) =
        list(directory, first)?.into_iter().partition(|e| *e <= epochs);
    others.truncate(others.len().saturating_sub(KEPT));
    for old in others.into_iter().chain(newer) {
        let path = directory.file(&name(first, old));
        std::fs::remove_file(&path).map_err(|e| Error::io(&path, &e))?;
    }
    Ok(())
}

/// Every checkpoint of the directory: first replica and epochs, ascending.
fn all(directory: &RunDirectory) -> Result<Vec<(usize, usize)>> {
    let entries = std::fs::read_dir(directory.path()).map_err(|e| Error::io(directory.path(), &e))?;
    let mut found: Vec<_> = entries.filter_map(|entry| parse(entry.ok()?.file_name().to_str()?)).collect();
    found.sort_unstable();
    Ok(found)
}

/// The epochs that there are checkpoints of the cohort from replica `first` on, ascending.
fn list(directory: &RunDirectory, first: usize) -> Result<Vec<usize>> {
    Ok(all(directory)?.into_iter().filter(|(f, _)| *f == first).map(|(_, epochs)| epochs).collect())
}

/// The newest whole checkpoint of a cohort, (epochs, snapshot), and the names of damaged ones passed over.
type Found = (Option<(usize, Snapshot)>, Vec<String>);

/// Looks for the newest whole checkpoint of the cohort from replica `first` on. A damaged file is no error.
fn newest(directory: &RunDirectory, first: usize) -> Result<Found> {
    let mut damaged = vec![];
    for epochs in list(directory, first)?.into_iter().rev() {
        let name = name(first, epochs);
        let bytes = std::fs::read(directory.file(&name)).ok();
        match bytes.and_then(|bytes| decode(&bytes, first, epochs)) {
            Some(snapshot) => return Ok((Some((epochs, snapshot)), damaged)),
            None => damaged.push(name),
        }
    }
    Ok((None, damaged))
}

/// Consecutive replicas of a run and what is kept of them.
#[derive(Debug, PartialEq)]
pub struct Stretch {
    /// By their numbers in the run.
    pub replicas: Range<usize>,
    /// Epochs, and the networks after them; `None`: nothing.
    pub found: Option<(usize, Snapshot)>,
}

/// What a run of these `replicas` can go on from, in their order, and the names of damaged checkpoints that
/// were passed over.
///
/// # Errors
/// A directory that cannot be read. A damaged file is no error.
pub fn kept(directory: &RunDirectory, replicas: Range<usize>) -> Result<(Vec<Stretch>, Vec<String>)> {
    let mut firsts: Vec<usize> = all(directory)?.into_iter().map(|(first, _)| first).collect();
    firsts.dedup();
    let (mut found, mut damaged) = (vec![], vec![]);
    for first in firsts {
        let (newest, passed_over) = newest(directory, first)?;
        damaged.extend(passed_over);
        found.extend(
            newest.map(|(epochs, snapshot)| (first..first + snapshot.frozen.len(), epochs, snapshot)),
        );
    }
    // Where cohorts overlap, for they were divided once, the one that came further.
    let best = |replica: usize| {
        let of = (0..found.len()).filter(|i| found[*i].0.contains(&replica));
        of.max_by_key(|i| found[*i].1)
    };
    let mut start = replicas.start;
    let best: Vec<Option<usize>> = replicas.map(best).collect();
    let stretch = |same: &[Option<usize>]| {
        let replicas = start..start + same.len();
        start = replicas.end;
        let found = same[0].map(|i| {
            let (cohort, epochs, snapshot) = &found[i];
            (*epochs, snapshot.of_replicas(replicas.start - cohort.start..replicas.end - cohort.start))
        });
        Stretch { replicas, found }
    };
    Ok((best.chunk_by(|a, b| a == b).map(stretch).collect(), damaged))
}

fn decode(bytes: &[u8], first: usize, epochs: usize) -> Option<Snapshot> {
    let (bytes, digest) = bytes.split_at_checked(bytes.len().checked_sub(DIGEST)?)?;
    if Sha256::digest(bytes).as_slice() != digest {
        return None;
    }
    let (_, header) = SafeTensors::read_metadata(bytes).ok()?;
    let metadata = header.metadata().as_ref()?;
    if metadata.get("epochs")?.parse() != Ok(epochs) {
        return None;
    }
    // Older versions numbered the cohorts instead.
    if metadata.get("first").map_or(Ok(0), |text| text.parse()) != Ok(first) {
        return None;
    }
    let frozen = metadata.get("frozen")?.split(',').map(|s| s.parse().ok()).collect();
    let paces = match metadata.get(PACES) {
        Some(text) => serde_json::from_str(text).ok()?,
        None => vec![],
    };
    let tensors = SafeTensors::deserialize(bytes).ok()?;
    let values = |name: &str| -> Option<Vec<f32>> {
        let data = tensors.tensor(name).ok()?;
        Some(data.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
    };
    let [classifier, attack, statistics] = ["classifier", "attack", "statistics"].map(values);
    let best = match metadata.get(SCORES) {
        None => None,
        Some(text) => {
            let [classifier, statistics] = BEST.map(values);
            let scores = serde_json::from_str(text).ok()?;
            Some(Best { classifier: classifier?, statistics: statistics?, scores })
        }
    };
    Some(Snapshot { classifier: classifier?, attack: attack?, statistics: statistics?, paces, frozen, best })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::event::Score;
    use crate::train::attack_pace::AttackPace;

    #[test]
    fn a_damaged_checkpoint_is_named_and_the_one_before_it_used() {
        let temporary = tempfile::tempdir().unwrap();
        let directory = RunDirectory::create(&temporary.path().join("run"), false).unwrap();
        let state = |x: f32| Snapshot {
            classifier: vec![x, -0.0, f32::MIN_POSITIVE],
            attack: vec![],
            statistics: vec![x; 3],
            paces: vec![AttackPace { steps: 3, updates: 7 }, AttackPace::START],
            frozen: vec![None, Some(7)],
            best: Some(Best {
                classifier: vec![-x, 0.0, 0.5],
                statistics: vec![x; 3],
                scores: vec![Some(Score { epoch: 3, accuracy: 1.0 / 3.0, loss: 0.1 }), None],
            }),
        };
        assert_eq!(newest(&directory, 0).unwrap(), (None, vec![]));
        for epoch in 1..=4 {
            save(&directory, 0, epoch, &state(epoch as f32)).unwrap();
        }
        save(&directory, 1, 9, &state(9.0)).unwrap();
        assert_eq!(
            list(&directory, 0).unwrap(),
            [3, 4],
            "the last two are kept, another group's are not touched"
        );
        assert_eq!(newest(&directory, 0).unwrap(), (Some((4, state(4.0))), vec![]));
        // A run that starts anew, since both are damaged, keeps what it writes.
        let all = tempfile::tempdir().unwrap();
        let again = RunDirectory::create(&all.path().join("run"), false).unwrap();
        for epoch in [8, 9] {
            std::fs::write(again.file(&name(0, epoch)), "damaged").unwrap();
        }
        save(&again, 0, 1, &state(1.0)).unwrap();
        assert_eq!(newest(&again, 0).unwrap(), (Some((1, state(1.0))), vec![]));
        // Every single flipped bit and every truncation is noticed.
        let path = directory.file(&name(0, 4));
        let whole = std::fs::read(&path).unwrap();
        for place in (0..whole.len()).step_by(7) {
            let mut bytes = whole.clone();
            bytes[place] ^= 1;
            std::fs::write(&path, &bytes).unwrap();
            let (found, damaged) = newest(&directory, 0).unwrap();
            assert_eq!((found.unwrap().0, damaged), (3, vec![name(0, 4)]));
            std::fs::write(&path, &whole[..place]).unwrap();
            assert_eq!(newest(&directory, 0).unwrap().0.unwrap().0, 3);
        }
    }
    #[test]
    fn a_run_goes_on_with_what_is_kept_of_each_replica_however_they_were_grouped() {
        let temporary = tempfile::tempdir().unwrap();
        let directory = RunDirectory::create(&temporary.path().join("run"), false).unwrap();
        let state =
            |x: [f32; 4]| Snapshot { classifier: x.to_vec(), frozen: vec![None; 4], ..Snapshot::default() };
        assert_eq!(kept(&directory, 0..4).unwrap().0, [Stretch { replicas: 0..4, found: None }]);
        // All four together, then divided; the run ended before the second half went on.
        let (whole, later) = (state([1.0, 2.0, 3.0, 4.0]), state([5.0, 6.0, 7.0, 8.0]));
        save(&directory, 0, 3, &whole).unwrap();
        save(&directory, 2, 3, &whole.of_replicas(2..4)).unwrap();
        save(&directory, 0, 3, &whole.of_replicas(0..2)).unwrap();
        save(&directory, 0, 4, &later.of_replicas(0..2)).unwrap();
        let (stretches, damaged) = kept(&directory, 0..5).unwrap();
        assert!(damaged.is_empty());
        let expected = [
            Stretch { replicas: 0..2, found: Some((4, later.of_replicas(0..2))) },
            Stretch { replicas: 2..4, found: Some((3, whole.of_replicas(2..4))) },
            Stretch { replicas: 4..5, found: None },
        ];
        assert_eq!(stretches, expected);
        // A part of them, by the same numbers.
        assert_eq!(kept(&directory, 2..4).unwrap().0, expected[1..2]);
    }
}
