//! Checkpoints: the networks and moments of a cohort after an epoch, with a checksum, the
//! last two kept. What else a run needs follows from its configuration and the epoch.
//!
//! File: safetensors with the tensors `classifier`, `attack` and `statistics` and the metadata below, then
//! the SHA-256 of all of that. Written aside and renamed, so a file is there whole or not at all; the
//! checksum tells of what the disk does to it afterwards.

use super::snapshot::Snapshot;
use crate::error::{Error, Result};
use crate::run::RunDirectory;
use crate::run::directory::CHECKPOINT_PREFIX;
use crate::run::model_file::{NamedTensor, write_safetensors};
use safetensors::SafeTensors;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::Write;

/// Bytes of the checksum at the end.
const DIGEST: usize = 32;
/// Checkpoints of a group that are kept.
const KEPT: usize = 2;

fn name(group: usize, epochs: usize) -> String {
    format!("{CHECKPOINT_PREFIX}-group{group:03}-epoch{epochs:06}")
}

/// Saves the `snapshot` of cohort `group` after `epochs` epochs, then removes all but the last two.
///
/// # Errors
/// The file system's; the older checkpoints are then still there.
pub fn save(directory: &RunDirectory, group: usize, epochs: usize, snapshot: &Snapshot) -> Result<()> {
    let frozen: Vec<String> =
        snapshot.frozen.iter().map(|step| step.map_or("-".to_string(), |s| s.to_string())).collect();
    let metadata = BTreeMap::from([
        ("epochs".to_string(), epochs.to_string()),
        ("frozen".to_string(), frozen.join(",")),
    ]);
    let parts = [
        ("classifier", &snapshot.classifier),
        ("attack", &snapshot.attack),
        ("statistics", &snapshot.statistics),
    ];
    let tensors = parts.map(|(name, data)| NamedTensor {
        name: name.into(),
        shape: vec![data.len()],
        data: data.clone(),
    });
    let mut bytes = Vec::new();
    let file = directory.file(&name(group, epochs));
    write_safetensors(&mut bytes, &tensors, &metadata).map_err(|e| Error::io(&file, &e))?;
    let digest = Sha256::digest(&bytes);
    directory.write(&name(group, epochs), |writer| {
        writer.write_all(&bytes).and_then(|()| writer.write_all(&digest)).map_err(|e| Error::io(&file, &e))
    })?;
    // What claims to be newer is damaged: this run resumed from before it.
    let (mut others, newer): (Vec<usize>, Vec<usize>) =
        list(directory, group)?.into_iter().partition(|e| *e <= epochs);
    others.truncate(others.len().saturating_sub(KEPT));
    for old in others.into_iter().chain(newer) {
        let path = directory.file(&name(group, old));
        std::fs::remove_file(&path).map_err(|e| Error::io(&path, &e))?;
    }
    Ok(())
}

/// The epochs that there are checkpoints of, ascending.
fn list(directory: &RunDirectory, group: usize) -> Result<Vec<usize>> {
    let prefix = name(group, 0);
    let prefix = prefix.trim_end_matches('0');
    let entries = std::fs::read_dir(directory.path()).map_err(|e| Error::io(directory.path(), &e))?;
    let mut epochs: Vec<usize> = entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.strip_prefix(prefix)?.parse().ok())
        .collect();
    epochs.sort_unstable();
    Ok(epochs)
}

/// The newest whole checkpoint of a group, (epochs, snapshot), and the names of damaged ones passed over.
pub type Found = (Option<(usize, Snapshot)>, Vec<String>);

/// Looks for a group's newest whole checkpoint.
///
/// # Errors
/// A directory that cannot be read. A damaged file is no error.
pub fn newest(directory: &RunDirectory, group: usize) -> Result<Found> {
    let mut damaged = vec![];
    for epochs in list(directory, group)?.into_iter().rev() {
        let name = name(group, epochs);
        let snapshot = std::fs::read(directory.file(&name)).ok().and_then(|bytes| decode(&bytes, epochs));
        match snapshot {
            Some(snapshot) => return Ok((Some((epochs, snapshot)), damaged)),
            None => damaged.push(name),
        }
    }
    Ok((None, damaged))
}

fn decode(bytes: &[u8], epochs: usize) -> Option<Snapshot> {
    let (bytes, digest) = bytes.split_at_checked(bytes.len().checked_sub(DIGEST)?)?;
    if Sha256::digest(bytes).as_slice() != digest {
        return None;
    }
    let (_, header) = SafeTensors::read_metadata(bytes).ok()?;
    let metadata = header.metadata().as_ref()?;
    if metadata.get("epochs")?.parse() != Ok(epochs) {
        return None;
    }
    let frozen = metadata.get("frozen")?.split(',').map(|s| s.parse().ok()).collect();
    let tensors = SafeTensors::deserialize(bytes).ok()?;
    let values = |name: &str| -> Option<Vec<f32>> {
        let data = tensors.tensor(name).ok()?;
        Some(data.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
    };
    let [classifier, attack, statistics] = ["classifier", "attack", "statistics"].map(values);
    Some(Snapshot { classifier: classifier?, attack: attack?, statistics: statistics?, frozen })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_checkpoint_is_named_and_the_one_before_it_used() {
        let temporary = tempfile::tempdir().unwrap();
        let directory = RunDirectory::create(&temporary.path().join("run"), false).unwrap();
        let state = |x: f32| Snapshot {
            classifier: vec![x, -0.0, f32::MIN_POSITIVE],
            attack: vec![],
            statistics: vec![x; 3],
            frozen: vec![None, Some(7)],
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
}
