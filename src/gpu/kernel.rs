//! Pipelines, and what the engine needs to know of a shader, read from the shader itself.
//!
//! Bindings, access modes, workgroup sizes and tile shapes are declared once, in WGSL. The engine
//! reflects them through naga: binding 0 is the `Dims` uniform, 1.. are storage buffers; the
//! constants `TILE_ROWS`, `TILE_COLS` and `ITEMS_PER_WORKGROUP` say what a workgroup covers.

use crate::error::{Error, Result};
use crate::graph::{Grid, Kernel};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use wgpu::naga;

/// What a shader says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reflection {
    /// For each storage binding, 1 first: whether it is read_write.
    pub writable: Vec<bool>,
    /// The `Dims` uniform's size in bytes.
    pub dims_bytes: usize,
    /// `(TILE_ROWS, TILE_COLS)`.
    pub tile: Option<(u32, u32)>,
    /// Items that a workgroup covers: `ITEMS_PER_WORKGROUP`, or else its invocations.
    pub items: u32,
}

fn fault(name: &str, what: impl Into<String>) -> Error {
    Error::gpu(format!("shader {name}.wgsl")).found(what)
}

/// Parses a shader and reads its interface.
///
/// # Errors
/// WGSL that does not parse, or an interface that does not follow the conventions above.
pub fn reflect(name: &str, source: &str) -> Result<(naga::Module, Reflection)> {
    let module = naga::front::wgsl::parse_str(source)
        .map_err(|e| fault(name, e.emit_to_string_with_path(source, name)))?;
    let [entry] = module.entry_points.as_slice() else {
        return Err(fault(name, "not exactly one entry point"));
    };
    let constant = |wanted: &str| {
        module.constants.iter().find_map(|(_, c)| {
            let literal = &module.global_expressions[c.init];
            match (c.name.as_deref() == Some(wanted), literal) {
                (true, naga::Expression::Literal(naga::Literal::U32(value))) => Some(*value),
                _ => None,
            }
        })
    };
    let mut dims_bytes = 0;
    let mut storage = vec![];
    for (_, variable) in module.global_variables.iter() {
        let Some(binding) = variable.binding else { continue };
        match variable.space {
            naga::AddressSpace::Uniform if binding.binding == 0 => {
                dims_bytes = match &module.types[variable.ty].inner {
                    naga::TypeInner::Struct { span, .. } => *span as usize,
                    _ => return Err(fault(name, "binding 0 is not a struct")),
                };
            }
            naga::AddressSpace::Storage { access } => {
                storage.push((binding.binding, access.contains(naga::StorageAccess::STORE)));
            }
            _ => return Err(fault(name, format!("an unexpected binding {}", binding.binding))),
        }
    }
    storage.sort_unstable();
    if storage.iter().enumerate().any(|(i, (binding, _))| *binding as usize != i + 1) {
        return Err(fault(name, "storage bindings that are not 1, 2, 3, …"));
    }
    let invocations = entry.workgroup_size.iter().product();
    let reflection = Reflection {
        writable: storage.into_iter().map(|(_, writable)| writable).collect(),
        dims_bytes,
        tile: constant("TILE_ROWS").zip(constant("TILE_COLS")),
        items: constant("ITEMS_PER_WORKGROUP").unwrap_or(invocations),
    };
    Ok((module, reflection))
}

impl Reflection {
    /// Workgroups in x and y for `grid`, x folded into y beyond `limit`.
    ///
    /// # Errors
    /// A grid beyond the limit in both dimensions, or tiles of a shader that declares none.
    pub fn workgroups(&self, kernel: Kernel, grid: Grid, limit: u32) -> Result<[u32; 2]> {
        let groups = match (grid, self.tile) {
            (Grid::Tiles { rows, cols }, Some((tile_rows, tile_cols))) => {
                [cols.div_ceil(tile_cols as usize), rows.div_ceil(tile_rows as usize)]
            }
            (Grid::Tiles { .. }, None) => return Err(fault(kernel.name, "no TILE_ROWS and TILE_COLS")),
            (Grid::Items(items), _) => {
                let groups = items.div_ceil(self.items as usize).max(1);
                let y = groups.div_ceil(limit as usize);
                [groups.div_ceil(y), y]
            }
        };
        match groups.map(|n| u32::try_from(n).ok().filter(|n| *n <= limit)) {
            [Some(x), Some(y)] => Ok([x, y]),
            _ => Err(Error::gpu("max_compute_workgroups_per_dimension of the adapter")
                .expected(format!("at most {limit}"))
                .found(format!("{}×{} for {}", groups[0], groups[1], kernel.name))
                .advice("lower the batch size or the width of the layers")),
        }
    }
}

/// A compute pipeline and its interface.
#[derive(Debug)]
pub struct Pipeline {
    pub(crate) raw: wgpu::ComputePipeline,
    pub(crate) layout: wgpu::BindGroupLayout,
    pub reflection: Reflection,
}

/// Pipelines by shader, built once.
#[derive(Debug, Default)]
pub(super) struct Cache(Mutex<HashMap<&'static str, Arc<Pipeline>>>);

impl Cache {
    pub(super) fn get(
        &self,
        device: &wgpu::Device,
        kernel: Kernel,
        checked: bool,
        kept: Option<&wgpu::PipelineCache>,
    ) -> Result<Arc<Pipeline>> {
        let mut cache = self.0.lock().map_err(|_| fault(kernel.name, "an earlier panic"))?;
        if let Some(pipeline) = cache.get(kernel.name) {
            return Ok(Arc::clone(pipeline));
        }
        let pipeline = Arc::new(build(device, kernel, checked, kept)?);
        cache.insert(kernel.name, Arc::clone(&pipeline));
        Ok(pipeline)
    }
}

fn build(
    device: &wgpu::Device,
    kernel: Kernel,
    checked: bool,
    kept: Option<&wgpu::PipelineCache>,
) -> Result<Pipeline> {
    let (module, reflection) = reflect(kernel.name, kernel.source)?;
    let scope = device.push_error_scope(wgpu::ErrorFilter::Validation);
    let descriptor = wgpu::ShaderModuleDescriptor {
        label: Some(kernel.name),
        source: wgpu::ShaderSource::Naga(std::borrow::Cow::Owned(module)),
    };
    let shader = if checked {
        device.create_shader_module(descriptor)
    } else {
        // SAFETY: unchecked code must not index out of bounds or loop forever. Every kernel guards
        // its tails; `plan::check` runs each of them, at tail shapes, in both modes (`tests/ops.rs`).
        unsafe { device.create_shader_module_trusted(descriptor, wgpu::ShaderRuntimeChecks::unchecked()) }
    };
    let entry = |binding: u32, ty: wgpu::BufferBindingType| wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
        count: None,
    };
    let mut entries = vec![entry(0, wgpu::BufferBindingType::Uniform)];
    entries.extend(reflection.writable.iter().zip(1..).map(|(writable, binding)| {
        entry(binding, wgpu::BufferBindingType::Storage { read_only: !writable })
    }));
    let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: Some(kernel.name),
        entries: &entries,
    });
    let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: Some(kernel.name),
        bind_group_layouts: &[Some(&layout)],
        immediate_size: 0,
    });
    let raw = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: Some(kernel.name),
        layout: Some(&pipeline_layout),
        module: &shader,
        entry_point: None,
        compilation_options: wgpu::PipelineCompilationOptions {
            // Every kernel writes its workgroup memory before it reads it.
            zero_initialize_workgroup_memory: false,
            ..Default::default()
        },
        cache: kept,
    });
    if let Some(error) = pollster::block_on(scope.pop()) {
        return Err(fault(kernel.name, error.to_string()).advice("run `veilgrad check`; report the adapter"));
    }
    Ok(Pipeline { raw, layout, reflection })
}
