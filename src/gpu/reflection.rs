//! What the engine needs to know of a shader, read from the shader itself, for each entry point.
//!
//! Bindings, access modes, workgroup sizes and tile shapes are declared once, in WGSL: binding 0 is the
//! `Dims` uniform, 1.. are storage buffers, each with a pair `x_offset`, `x_stride` at its place in `Dims`; the
//! constants `TILE_ROWS`, `TILE_COLS`, `ITEMS_PER_WORKGROUP` and `PARTS` say what a workgroup covers. Where
//! entry points of one file differ in that, each has its own, with its name in capitals before it:
//! `FORWARD_TILE_ROWS` is that of `forward`.
//!
//! The passes of an operation share a file's tensors: an entry point has those that it uses, and what is in
//! `Dims` of the others is zero. Entry points may use one binding number for different variables.

use crate::error::{Error, Result};
use crate::graph::{Grid, Kernel};
use std::collections::BTreeMap;
use wgpu::naga;

/// What an entry point says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reflection {
    /// The storage bindings that it uses, in their order: the number, and whether it is read_write.
    pub bindings: Vec<(u32, bool)>,
    /// The pairs at the beginning of `Dims`: one for each storage binding of the file.
    pub pairs: usize,
    /// The `Dims` uniform's size in bytes.
    pub dims_bytes: usize,
    /// `(TILE_ROWS, TILE_COLS)`.
    pub tile: Option<(u32, u32)>,
    /// Items that a workgroup covers: `ITEMS_PER_WORKGROUP`, or else its invocations.
    pub items: u32,
    /// Into how many parts it splits what it sums over: `PARTS`, or else 1. More are so many times the workgroups
    /// in x, a part each, and as many results one after the other, which the plan has summed.
    pub parts: u32,
}

/// Parses a shader and reads the interface of each entry point, by its name.
///
/// # Errors
/// WGSL that does not parse, or an interface that does not follow the conventions above.
pub fn reflect(file: &str, source: &str) -> Result<(naga::Module, BTreeMap<String, Reflection>)> {
    let fault = |what: String| Error::gpu(format!("shader {file}.wgsl")).found(what);
    let module =
        naga::front::wgsl::parse_str(source).map_err(|e| fault(e.emit_to_string_with_path(source, file)))?;
    // Only for which variables an entry point reaches, through the functions that it calls: wgpu validates.
    let flags = naga::valid::ValidationFlags::empty();
    let info = naga::valid::Validator::new(flags, naga::valid::Capabilities::all())
        .validate(&module)
        .map_err(|e| fault(e.emit_to_string_with_path(source, file)))?;
    let mut entries = BTreeMap::new();
    for (i, entry) in module.entry_points.iter().enumerate() {
        entries.insert(entry.name.clone(), reflect_entry(file, &module, entry, info.get_entry_point(i))?);
    }
    Ok((module, entries))
}

fn reflect_entry(
    file: &str,
    module: &naga::Module,
    entry: &naga::EntryPoint,
    info: &naga::valid::FunctionInfo,
) -> Result<Reflection> {
    let fault =
        |what: String| Error::gpu(format!("shader {file}.wgsl, entry point {}", entry.name)).found(what);
    let literal = |wanted: &str| {
        let found = module.constants.iter().find(|(_, c)| c.name.as_deref() == Some(wanted));
        match found.map(|(_, c)| &module.global_expressions[c.init]) {
            Some(naga::Expression::Literal(naga::Literal::U32(value))) => Some(*value),
            _ => None,
        }
    };
    let own = entry.name.to_uppercase();
    let constant = |name: &str| literal(&format!("{own}_{name}")).or_else(|| literal(name));
    let (mut pairs, mut dims_bytes) = (0, 0);
    let mut bindings = vec![];
    for (handle, variable) in module.global_variables.iter() {
        let Some(binding) = variable.binding.filter(|_| !info[handle].is_empty()) else { continue };
        match variable.space {
            naga::AddressSpace::Uniform if binding.binding == 0 => {
                let naga::TypeInner::Struct { members, span } = &module.types[variable.ty].inner else {
                    return Err(fault("binding 0 is not a struct".to_owned()));
                };
                let name = |i: usize| members.get(i).and_then(|member| member.name.as_deref());
                let is_pair = |i: &usize| {
                    let tensor = name(2 * i).and_then(|name| name.strip_suffix("_offset"));
                    tensor.is_some()
                        && tensor == name(2 * i + 1).and_then(|name| name.strip_suffix("_stride"))
                };
                (pairs, dims_bytes) = ((0..).take_while(is_pair).count(), *span as usize);
            }
            naga::AddressSpace::Storage { access } => {
                bindings.push((binding.binding, access.contains(naga::StorageAccess::STORE)));
            }
            _ => return Err(fault(format!("an unexpected binding {}", binding.binding))),
        }
    }
    bindings.sort_unstable();
    if let Some((binding, _)) = bindings.iter().find(|(binding, _)| *binding as usize > pairs) {
        return Err(fault(format!(
            "a storage binding {binding} and {pairs} pairs of offset and stride in Dims"
        )));
    }
    let invocations = entry.workgroup_size.iter().product();
    Ok(Reflection {
        bindings,
        pairs,
        dims_bytes,
        tile: constant("TILE_ROWS").zip(constant("TILE_COLS")),
        items: constant("ITEMS_PER_WORKGROUP").unwrap_or(invocations),
        parts: constant("PARTS").unwrap_or(1),
    })
}

impl Reflection {
    /// Workgroups in x and y for `grid`, x folded into y beyond `limit`.
    ///
    /// # Errors
    /// A grid beyond the limit in both dimensions, or tiles of a kernel that declares none.
    pub fn workgroups(&self, kernel: Kernel, grid: Grid, limit: u32) -> Result<[u32; 2]> {
        let groups = match (grid, self.tile) {
            (Grid::Tiles { rows, cols }, Some((tile_rows, tile_cols))) => {
                [self.parts as usize * cols.div_ceil(tile_cols as usize), rows.div_ceil(tile_rows as usize)]
            }
            (Grid::Tiles { .. }, None) => {
                return Err(Error::gpu(kernel.place()).found("no TILE_ROWS and TILE_COLS"));
            }
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
                .found(format!("{}×{} for {kernel}", groups[0], groups[1]))
                .advice("lower the batch size or the width of the layers")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two entry points with one binding number for different variables, one of them reached through a
    /// function, and a gap where one has no use for a tensor.
    const TWO: &str = "
        struct Dims { x_offset: u32, x_stride: u32, y_offset: u32, y_stride: u32, z_offset: u32, z_stride: u32 }
        struct Wide { x_offset: u32, x_stride: u32, length: u32, factor: f32 }
        @group(0) @binding(0) var<uniform> dims: Dims;
        @group(0) @binding(0) var<uniform> wide: Wide;
        @group(0) @binding(1) var<storage, read> x: array<f32>;
        @group(0) @binding(3) var<storage, read_write> y: array<f32>;
        @group(0) @binding(1) var<storage, read_write> z: array<vec4<f32>>;
        const TILE_ROWS: u32 = 8;
        const TILE_COLS: u32 = 4;
        const BACKWARD_TILE_ROWS: u32 = 16;
        const BACKWARD_PARTS: u32 = 2;
        fn first() -> f32 { return x[dims.x_offset]; }
        @compute @workgroup_size(8) fn forward() { y[0] = first(); }
        @compute @workgroup_size(4, 4) fn backward() { z[0] = vec4(wide.factor); }
    ";

    #[test]
    fn each_entry_point_is_read_by_what_it_uses() {
        let (_, entries) = reflect("two", TWO).unwrap();
        let forward = Reflection {
            bindings: vec![(1, false), (3, true)],
            pairs: 3,
            dims_bytes: 24,
            tile: Some((8, 4)),
            items: 8,
            parts: 1,
        };
        let backward = Reflection {
            bindings: vec![(1, true)],
            pairs: 1,
            dims_bytes: 16,
            tile: Some((16, 4)),
            items: 16,
            parts: 2,
        };
        assert_eq!(entries["forward"], forward);
        assert_eq!(entries["backward"], backward);
    }

    #[test]
    fn a_fault_names_the_file_and_the_entry_point() {
        let beyond = TWO.replace("@binding(3)", "@binding(4)");
        let error = reflect("two", &beyond).unwrap_err().to_string();
        assert!(error.contains("two.wgsl, entry point forward"), "{error}");
        assert!(reflect("two", "fn").unwrap_err().to_string().contains("two.wgsl"));
    }
}
