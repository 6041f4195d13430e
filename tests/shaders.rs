//! Every shader as text, without a GPU: valid as it stands, translatable to what Vulkan, Metal and
//! DX12 take, laid out as the engine reflects it, and used. What it computes is for `tests/ops.rs`.

use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{AddressSpace, GlobalVariable, Module, ShaderStage, StorageAccess, TypeInner};
use std::collections::BTreeSet;
use std::path::Path;

/// A file of `shaders/`.
struct Shader {
    /// As in `kernel!("…")`: without `.wgsl`.
    name: String,
    source: String,
    module: Module,
}

impl Shader {
    /// Whether it may use subgroups and 64-bit integers.
    fn is_native(&self) -> bool {
        self.name.ends_with(".native")
    }

    fn validate(&self) -> ModuleInfo {
        let native = Capabilities::SUBGROUP | Capabilities::SHADER_INT64;
        let capabilities = if self.is_native() { native } else { Capabilities::empty() };
        Validator::new(ValidationFlags::all(), capabilities)
            .validate(&self.module)
            .unwrap_or_else(|e| panic!("{}", e.emit_to_string_with_path(&self.source, &self.name)))
    }

    /// The variables that have a binding, in its order.
    fn bindings(&self) -> Vec<&GlobalVariable> {
        let variables = self.module.global_variables.iter().map(|(_, variable)| variable);
        let mut bound: Vec<_> = variables.filter(|v| v.binding.is_some()).collect();
        bound.sort_by_key(|v| v.binding.map(|b| (b.group, b.binding)));
        bound
    }

    /// The name of the struct at binding 0 and of its fields.
    fn dims(&self) -> (Option<&str>, Vec<&str>) {
        let ty = &self.module.types[self.bindings()[0].ty];
        let TypeInner::Struct { members, .. } = &ty.inner else {
            panic!("{}: binding 0 is not a struct", self.name)
        };
        (ty.name.as_deref(), members.iter().filter_map(|m| m.name.as_deref()).collect())
    }

    /// Name and place of each binding, and whether it is written: what two variants must share. Not the
    /// element's type: variants load several values at once.
    fn interface(&self) -> Vec<(Option<&str>, u32, bool)> {
        let place = |v: &GlobalVariable| v.binding.map_or(u32::MAX, |b| b.binding);
        self.bindings().into_iter().map(|v| (v.name.as_deref(), place(v), is_written(v.space))).collect()
    }
}

fn is_written(space: AddressSpace) -> bool {
    matches!(space, AddressSpace::Storage { access } if access.contains(StorageAccess::STORE))
}

fn shaders() -> Vec<Shader> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
    let mut shaders: Vec<Shader> = std::fs::read_dir(directory)
        .expect("shaders/")
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let file = path.file_name().and_then(|n| n.to_str()).expect("a name in UTF-8");
            let name = file.strip_suffix(".wgsl").unwrap_or_else(|| panic!("{file} is no WGSL")).to_owned();
            let source = std::fs::read_to_string(&path).expect("read");
            let module = naga::front::wgsl::parse_str(&source)
                .unwrap_or_else(|e| panic!("{}", e.emit_to_string_with_path(&source, &name)));
            Shader { name, source, module }
        })
        .collect();
    shaders.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(shaders.len() > 30, "only {} shaders", shaders.len());
    shaders
}

#[test]
fn every_shader_is_valid_as_it_stands() {
    for shader in shaders() {
        shader.validate();
    }
}

#[test]
fn portable_shaders_translate_to_every_backends_language() {
    for shader in shaders().into_iter().filter(|s| !s.is_native()) {
        let (name, module, info) = (&shader.name, &shader.module, shader.validate());

        let options = naga::back::spv::Options::default();
        let words = naga::back::spv::write_vec(module, &info, &options, None)
            .unwrap_or_else(|e| panic!("{name} to SPIR-V: {e}"));
        assert_eq!(words[0], 0x0723_0203, "{name}: SPIR-V's magic number");

        let options = naga::back::msl::Options::default();
        let (text, translated) = naga::back::msl::write_string(
            module,
            &info,
            &options,
            &naga::back::msl::PipelineOptions::default(),
        )
        .unwrap_or_else(|e| panic!("{name} to MSL: {e}"));
        let entry = translated.entry_point_names[0].as_ref().unwrap_or_else(|e| panic!("{name} to MSL: {e}"));
        assert!(text.contains(&format!("kernel void {entry}(")), "{name} to MSL: no {entry}");

        let options = naga::back::hlsl::Options {
            shader_model: naga::back::hlsl::ShaderModel::V6_0,
            // num_workgroups is no builtin of HLSL: it arrives in a buffer.
            special_constants_binding: Some(naga::back::hlsl::BindTarget::default()),
            ..Default::default()
        };
        let pipeline = naga::back::hlsl::PipelineOptions::default();
        let mut text = String::new();
        let translated = naga::back::hlsl::Writer::new(&mut text, &options, &pipeline)
            .write(module, &info, None)
            .unwrap_or_else(|e| panic!("{name} to HLSL: {e}"));
        let entry =
            translated.entry_point_names[0].as_ref().unwrap_or_else(|e| panic!("{name} to HLSL: {e}"));
        assert!(text.contains(&format!("void {entry}(")), "{name} to HLSL: no {entry}");
    }
}

/// WebGPU's defaults, which every adapter has: 16 KiB, 256 invocations, 8 storage buffers a stage.
#[test]
fn portable_shaders_fit_webgpus_default_limits() {
    for shader in shaders().into_iter().filter(|s| !s.is_native()) {
        let name = &shader.name;
        let shared = shader.module.global_variables.iter().map(|(_, v)| v);
        let bytes: u32 = shared
            .filter(|v| v.space == AddressSpace::WorkGroup)
            .map(|v| shader.module.types[v.ty].inner.size(shader.module.to_ctx()))
            .sum();
        assert!(bytes <= 16 << 10, "{name}: {bytes} bytes of workgroup memory");
        let invocations: u32 = shader.module.entry_points[0].workgroup_size.iter().product();
        assert!(invocations <= 256, "{name}: {invocations} invocations");
        let storage = shader.bindings().len() - 1;
        assert!(storage <= 8, "{name}: {storage} storage buffers");
    }
}

#[test]
fn a_shader_opens_with_what_it_is() {
    for shader in shaders() {
        let first = shader.source.lines().next().unwrap_or_default();
        assert!(first.starts_with("// ") && first.len() > 20, "{}: {first:?}", shader.name);
    }
}

#[test]
fn a_shader_has_one_entry_point_called_main() {
    for shader in shaders() {
        let entries: Vec<_> = shader.module.entry_points.iter().map(|e| (e.stage, e.name.as_str())).collect();
        assert_eq!(entries, [(ShaderStage::Compute, "main")], "{}", shader.name);
    }
}

#[test]
fn bindings_are_dims_then_inputs_then_the_output() {
    for shader in shaders() {
        let name = &shader.name;
        let bindings = shader.bindings();
        let places: Vec<_> =
            bindings.iter().filter_map(|v| v.binding).map(|b| (b.group, b.binding)).collect();
        assert_eq!(places, (0..bindings.len() as u32).map(|i| (0, i)).collect::<Vec<_>>(), "{name}");
        assert_eq!(bindings[0].space, AddressSpace::Uniform, "{name}: binding 0");
        let (dims, fields) = shader.dims();
        assert_eq!(dims, Some("Dims"), "{name}: binding 0");
        assert!(fields.len() >= 2, "{name}: {fields:?}");
        let storage = &bindings[1..];
        for variable in storage {
            let in_memory = matches!(variable.space, AddressSpace::Storage { .. });
            assert!(in_memory, "{name}: {:?} is in {:?}", variable.name, variable.space);
        }
        let written: Vec<bool> = storage.iter().map(|v| is_written(v.space)).collect();
        let expected: Vec<bool> = (1..=storage.len()).map(|i| i == storage.len()).collect();
        assert_eq!(written, expected, "{name}: only the last binding is read_write");
        // Every tensor has an offset and a distance between replicas, in the bindings' order.
        for (i, variable) in storage.iter().enumerate() {
            let tensor = variable.name.as_deref().unwrap_or_default();
            let expected = [format!("{tensor}_offset"), format!("{tensor}_stride")];
            assert!(
                fields[2 * i..].starts_with(&expected.each_ref().map(String::as_str)),
                "{name}: {fields:?}"
            );
        }
    }
}

#[test]
fn a_native_shader_has_a_portable_twin_with_its_interface() {
    let all = shaders();
    let mut natives = 0;
    for native in all.iter().filter(|s| s.is_native()) {
        let (_, rest) = native.source.split_once("Portable twin: ").unwrap_or_else(|| {
            panic!("{} does not name its portable twin", native.name);
        });
        let (twin, _) = rest.split_once(".wgsl").expect("a file's name");
        let twin = all.iter().find(|s| s.name == twin && !s.is_native());
        let twin = twin.unwrap_or_else(|| panic!("{}: no such twin", native.name));
        assert_eq!(native.interface(), twin.interface(), "{} and {}", native.name, twin.name);
        assert_eq!(native.dims(), twin.dims(), "{} and {}", native.name, twin.name);
        natives += 1;
    }
    assert!(natives > 0);
}

#[test]
fn every_shader_is_an_operations_and_every_operations_is_there() {
    let mut used = BTreeSet::new();
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ops");
    for entry in std::fs::read_dir(directory).expect("src/ops/") {
        let text = std::fs::read_to_string(entry.expect("an entry").path()).expect("read");
        for rest in text.split("kernel!(\"").skip(1) {
            used.insert(rest.split('"').next().unwrap_or_default().to_owned());
        }
    }
    let there: BTreeSet<String> = shaders().into_iter().map(|s| s.name).collect();
    assert_eq!(there, used);
}
