//! Compiled pipelines kept on disk between runs, where the adapter's API lets a program do so (Vulkan): a
//! file in the user's cache directory. Not a cache of the driver's own, which may be there besides.

use sha2::{Digest, Sha256};
use std::io::Write;
use std::path::PathBuf;

/// The file begins with the SHA-256 of the rest, so that a damaged one never reaches the driver.
const CHECKSUM: usize = 32;

/// The driver's cache and the file that it is kept in.
#[derive(Debug)]
pub(super) struct PipelineCache {
    pub raw: wgpu::PipelineCache,
    path: PathBuf,
    loaded: Vec<u8>,
}

impl PipelineCache {
    /// What an earlier run kept, or an empty cache. `None`: the device has none, or there is no home
    /// directory.
    pub fn open(device: &wgpu::Device, adapter: &wgpu::AdapterInfo) -> Option<Self> {
        if !device.features().contains(wgpu::Features::PIPELINE_CACHE) {
            return None;
        }
        let key = wgpu::util::pipeline_cache_key(adapter)?;
        let path =
            directories::ProjectDirs::from("", "", "veilgrad")?.cache_dir().join("pipelines").join(key);
        let file = std::fs::read(&path).unwrap_or_default();
        let loaded = match file.split_at_checked(CHECKSUM) {
            Some((checksum, data)) if Sha256::digest(data)[..] == *checksum => data.to_vec(),
            _ => vec![],
        };
        let descriptor = wgpu::PipelineCacheDescriptor {
            label: Some("veilgrad"),
            data: (!loaded.is_empty()).then_some(&loaded),
            fallback: true,
        };
        // SAFETY: the data are what `get_data` gave an earlier run, whole by their checksum; wgpu and the
        // driver refuse those of another adapter or driver version.
        let raw = unsafe { device.create_pipeline_cache(&descriptor) };
        Some(PipelineCache { raw, path, loaded })
    }

    /// Keeps what was added. That it cannot be kept costs the next run some time and nothing else.
    pub fn save(&self) {
        let Some(data) = self.raw.get_data().filter(|data| *data != self.loaded) else { return };
        let Some(directory) = self.path.parent() else { return };
        let _ = std::fs::create_dir_all(directory)
            .and_then(|()| tempfile::NamedTempFile::new_in(directory))
            .and_then(|mut file| {
                file.write_all(&Sha256::digest(&data))?;
                file.write_all(&data)?;
                // Other runs may do the same now: the file is always one of theirs, whole.
                file.persist(&self.path).map_err(|e| e.error)?;
                Ok(())
            });
    }
}
