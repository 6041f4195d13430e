//! Pipelines, built once each, by source text, entry point and whether they are checked; a source is one
//! shader module, however many entry points run. What the engine needs to know of a shader it reads from it:
//! [`reflect`].

use super::failure::described;
use super::reflection::{Reflection, reflect};
use crate::error::{Error, Result};
use crate::graph::Kernel;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

/// A compute pipeline and its interface.
#[derive(Debug)]
pub struct Pipeline {
    pub(crate) raw: wgpu::ComputePipeline,
    pub(crate) layout: wgpu::BindGroupLayout,
    /// What its entry point says of itself: bindings, tile, size of `Dims`.
    pub reflection: Reflection,
}

/// A file's text, the constants that have other values, and whether its code has runtime checks.
type SourceKey = (&'static str, &'static [(&'static str, u32)], bool);

/// A shader module and what its entry points say of themselves.
#[derive(Debug)]
struct Source {
    module: wgpu::ShaderModule,
    entries: BTreeMap<String, Reflection>,
}

/// What was built so far.
#[derive(Debug, Default)]
pub(super) struct Cache(Mutex<Built>);

#[derive(Debug, Default)]
struct Built {
    sources: HashMap<SourceKey, Source>,
    pipelines: HashMap<(SourceKey, &'static str), Arc<Pipeline>>,
}

impl Cache {
    /// The pipeline of `kernel`, built at its first use; `kept` is the driver's cache.
    ///
    /// # Errors
    /// A shader that does not follow the conventions or does not build on this adapter.
    pub(super) fn get(
        &self,
        device: &wgpu::Device,
        kernel: Kernel,
        checked: bool,
        kept: Option<&wgpu::PipelineCache>,
    ) -> Result<Arc<Pipeline>> {
        let mut built = self.0.lock().map_err(|_| Error::gpu(kernel.place()).found("an earlier panic"))?;
        let Built { sources, pipelines } = &mut *built;
        let key = (kernel.source, kernel.constants, checked);
        if let Some(pipeline) = pipelines.get(&(key, kernel.entry)) {
            return Ok(Arc::clone(pipeline));
        }
        let source = match sources.entry(key) {
            Entry::Occupied(there) => there.into_mut(),
            Entry::Vacant(place) => place.insert(source(device, kernel, checked)?),
        };
        let pipeline = Arc::new(pipeline(device, kernel, source, kept)?);
        pipelines.insert((key, kernel.entry), Arc::clone(&pipeline));
        Ok(pipeline)
    }
}

/// What `build` makes; an error if the device refuses it, whether as invalid or because the driver's compiler
/// fails.
fn refused<T>(device: &wgpu::Device, kernel: Kernel, build: impl FnOnce() -> T) -> Result<T> {
    let memory = device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
    let internal = device.push_error_scope(wgpu::ErrorFilter::Internal);
    let validation = device.push_error_scope(wgpu::ErrorFilter::Validation);
    let built = build();
    let invalid = pollster::block_on(validation.pop());
    let failed = pollster::block_on(internal.pop());
    match invalid.or(failed).or(pollster::block_on(memory.pop())) {
        Some(error) => Err(refusal(kernel, &described(&error).1)),
        None => Ok(built),
    }
}

/// The error of a kernel that the driver refuses, in its words.
pub(super) fn refusal(kernel: Kernel, words: &str) -> Error {
    Error::gpu(kernel.place())
        .expected("a pipeline of it")
        .found(format!("that the driver refuses: {}", words.trim_end_matches('.')))
        .advice(
            "update the driver, or choose another adapter (`veilgrad devices`); if it is the newest, report this \
             line",
        )
}

fn source(device: &wgpu::Device, kernel: Kernel, checked: bool) -> Result<Source> {
    let (module, entries) = reflect(kernel.file, &kernel.text()?)?;
    let descriptor = wgpu::ShaderModuleDescriptor {
        label: Some(kernel.file),
        source: wgpu::ShaderSource::Naga(std::borrow::Cow::Owned(module)),
    };
    let module = refused(device, kernel, || match checked {
        true => device.create_shader_module(descriptor),
        // SAFETY: unchecked code must not index out of bounds or loop forever. Every kernel guards
        // its tails; `lab::check` runs each of them, at tail shapes, in both modes (`tests/ops.rs`).
        false => unsafe {
            device.create_shader_module_trusted(descriptor, wgpu::ShaderRuntimeChecks::unchecked())
        },
    })?;
    Ok(Source { module, entries })
}

fn pipeline(
    device: &wgpu::Device,
    kernel: Kernel,
    source: &Source,
    kept: Option<&wgpu::PipelineCache>,
) -> Result<Pipeline> {
    let reflection = source.entries.get(kernel.entry).ok_or_else(|| {
        let names: Vec<&str> = source.entries.keys().map(String::as_str).collect();
        Error::gpu(kernel.place()).expected(format!("one of {}", names.join(", "))).found(kernel.entry)
    })?;
    let label = kernel.to_string();
    let entry = |binding: u32, ty: wgpu::BufferBindingType| wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
        count: None,
    };
    let mut entries = vec![entry(0, wgpu::BufferBindingType::Uniform)];
    entries.extend(reflection.bindings.iter().map(|&(binding, writable)| {
        entry(binding, wgpu::BufferBindingType::Storage { read_only: !writable })
    }));
    let build = || {
        let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some(&label),
            entries: &entries,
        });
        let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some(&label),
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        let raw = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(&label),
            layout: Some(&pipeline_layout),
            module: &source.module,
            entry_point: Some(kernel.entry),
            compilation_options: wgpu::PipelineCompilationOptions {
                // Every kernel writes its workgroup memory before it reads it.
                zero_initialize_workgroup_memory: false,
                ..Default::default()
            },
            cache: kept,
        });
        (raw, layout)
    };
    let (raw, layout) = refused(device, kernel, build)?;
    Ok(Pipeline { raw, layout, reflection: reflection.clone() })
}
