//! Every shader as text, without a GPU: valid as it stands, translatable to what Vulkan, Metal and
//! DX12 take, laid out as the engine reflects it, and used. What it computes is for `tests/ops.rs`.

use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{
    AddressSpace, EntryPoint, Expression, Function, GlobalVariable, Handle, Module, ShaderStage,
    StorageAccess, TypeInner,
};
use std::collections::BTreeSet;
use std::path::Path;
use veilgrad::ops;

/// A file of `shaders/`.
struct Shader {
    /// As in `kernel!("…")`: without `.wgsl`.
    name: String,
    source: String,
    module: Module,
    info: ModuleInfo,
}

impl Shader {
    fn read(path: &Path) -> Shader {
        let file = path.file_name().and_then(|n| n.to_str()).expect("a name in UTF-8");
        let name = file.strip_suffix(".wgsl").unwrap_or_else(|| panic!("{file} is no WGSL")).to_owned();
        Shader::parse(name, std::fs::read_to_string(path).expect("read"))
    }

    fn parse(name: String, source: String) -> Shader {
        let module = naga::front::wgsl::parse_str(&source)
            .unwrap_or_else(|e| panic!("{}", e.emit_to_string_with_path(&source, &name)));
        let native = Capabilities::SUBGROUP | Capabilities::SHADER_INT64;
        let capabilities = if is_native(&name) { native } else { Capabilities::empty() };
        let info = Validator::new(ValidationFlags::all(), capabilities)
            .validate(&module)
            .unwrap_or_else(|e| panic!("{}", e.emit_to_string_with_path(&source, &name)));
        Shader { name, source, module, info }
    }

    fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        (0..self.module.entry_points.len()).map(|index| Entry { shader: self, index })
    }
}

/// Whether a file may use subgroups and 64-bit integers.
fn is_native(name: &str) -> bool {
    name.ends_with(".native")
}

/// An entry point of a file.
struct Entry<'a> {
    shader: &'a Shader,
    index: usize,
}

impl Entry<'_> {
    fn point(&self) -> &EntryPoint {
        &self.shader.module.entry_points[self.index]
    }

    /// File and entry point, for messages.
    fn name(&self) -> String {
        format!("{}, {}", self.shader.name, self.point().name)
    }

    /// The variables that it uses, through functions too.
    fn variables(&self) -> impl Iterator<Item = &GlobalVariable> {
        let info = self.shader.info.get_entry_point(self.index);
        let variables = self.shader.module.global_variables.iter();
        variables.filter(move |(handle, _)| !info[*handle].is_empty()).map(|(_, variable)| variable)
    }

    /// Those of them that have a binding, in its order.
    fn bindings(&self) -> Vec<&GlobalVariable> {
        let mut bound: Vec<_> = self.variables().filter(|v| v.binding.is_some()).collect();
        bound.sort_by_key(|v| v.binding.map(|b| (b.group, b.binding)));
        bound
    }

    /// The name of the struct at binding 0 and of its fields.
    fn dims(&self) -> (Option<&str>, Vec<&str>) {
        let ty = &self.shader.module.types[self.bindings()[0].ty];
        let TypeInner::Struct { members, .. } = &ty.inner else {
            panic!("{}: binding 0 is not a struct", self.name())
        };
        (ty.name.as_deref(), members.iter().filter_map(|m| m.name.as_deref()).collect())
    }

    /// Of each binding the tensor, and whether it is written; of `Dims` what follows the tensors' pairs: what two
    /// variants must share. Not the element's type: variants load several values at once, some of `x_scalars`.
    fn interface(&self) -> (Vec<(&str, bool)>, Vec<&str>) {
        let bound = self.bindings().into_iter().skip(1);
        let tensors = bound.map(|v| {
            let tensor = v.name.as_deref().and_then(|name| name.split('_').next());
            (tensor.unwrap_or_default(), is_written(v.space))
        });
        let (_, fields) = self.dims();
        let words =
            fields.into_iter().filter(|field| !field.ends_with("_offset") && !field.ends_with("_stride"));
        (tensors.collect(), words.collect())
    }
}

fn is_written(space: AddressSpace) -> bool {
    matches!(space, AddressSpace::Storage { access } if access.contains(StorageAccess::STORE))
}

/// All of them, each valid as it stands.
fn shaders() -> Vec<Shader> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
    let entries = std::fs::read_dir(directory).expect("shaders/");
    let mut shaders: Vec<Shader> =
        entries.map(|entry| Shader::read(&entry.expect("an entry").path())).collect();
    shaders.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(shaders.len() > 30, "only {} shaders", shaders.len());
    shaders
}

/// Without subgroups and 64-bit integers.
fn portable() -> Vec<Shader> {
    shaders().into_iter().filter(|shader| !is_native(&shader.name)).collect()
}

#[test]
fn every_shader_is_valid_as_it_stands() {
    shaders();
}

#[test]
fn portable_shaders_translate_to_every_backends_language() {
    for Shader { name, module, info, .. } in portable() {
        let options = naga::back::spv::Options::default();
        let words = naga::back::spv::write_vec(&module, &info, &options, None)
            .unwrap_or_else(|e| panic!("{name} to SPIR-V: {e}"));
        assert_eq!(words[0], 0x0723_0203, "{name}: SPIR-V's magic number");

        let options = naga::back::msl::Options::default();
        let (text, translated) = naga::back::msl::write_string(
            &module,
            &info,
            &options,
            &naga::back::msl::PipelineOptions::default(),
        )
        .unwrap_or_else(|e| panic!("{name} to MSL: {e}"));
        for entry in &translated.entry_point_names {
            let entry = entry.as_ref().unwrap_or_else(|e| panic!("{name} to MSL: {e}"));
            assert!(text.contains(&format!("kernel void {entry}(")), "{name} to MSL: no {entry}");
        }

        let options = naga::back::hlsl::Options {
            shader_model: naga::back::hlsl::ShaderModel::V6_0,
            // num_workgroups is no builtin of HLSL: it arrives in a buffer.
            special_constants_binding: Some(naga::back::hlsl::BindTarget::default()),
            ..Default::default()
        };
        let pipeline = naga::back::hlsl::PipelineOptions::default();
        let mut text = String::new();
        let translated = naga::back::hlsl::Writer::new(&mut text, &options, &pipeline)
            .write(&module, &info, None)
            .unwrap_or_else(|e| panic!("{name} to HLSL: {e}"));
        for entry in &translated.entry_point_names {
            let entry = entry.as_ref().unwrap_or_else(|e| panic!("{name} to HLSL: {e}"));
            assert!(text.contains(&format!("void {entry}(")), "{name} to HLSL: no {entry}");
        }
    }
}

/// naga does not rename a name that is a namespace of DXC, such as `dx`: no kernel that has it compiles there.
#[test]
fn no_name_is_a_word_of_hlsl_msl_or_glsl() {
    let lines = include_str!("golden/reserved_words.txt").lines().filter(|line| !line.starts_with('#'));
    let reserved: BTreeSet<&str> = lines.flat_map(str::split_whitespace).collect();
    assert!(reserved.len() > 250 && reserved.contains("dx"));
    let mut found = vec![];
    for shader in shaders() {
        let names = names(&shader.module);
        assert!(names.contains("dims"), "{}", shader.name);
        found.extend(
            names.into_iter().filter(|name| reserved.contains(&**name)).map(|n| (n, shader.name.clone())),
        );
    }
    assert!(found.is_empty(), "{found:?}");
}

/// Every name that a module gives to something.
fn names(module: &Module) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = BTreeSet::new();
    let points = module.entry_points.iter();
    names.extend(points.clone().map(|point| point.name.clone()));
    names.extend(module.global_variables.iter().filter_map(|(_, variable)| variable.name.clone()));
    names.extend(module.constants.iter().filter_map(|(_, constant)| constant.name.clone()));
    names.extend(module.overrides.iter().filter_map(|(_, constant)| constant.name.clone()));
    for (_, ty) in module.types.iter() {
        if let TypeInner::Struct { members, .. } = &ty.inner {
            names.extend(ty.name.clone());
            names.extend(members.iter().filter_map(|member| member.name.clone()));
        }
    }
    for function in module.functions.iter().map(|(_, function)| function).chain(points.map(|p| &p.function)) {
        names.extend(function.name.clone());
        names.extend(function.arguments.iter().filter_map(|argument| argument.name.clone()));
        names.extend(function.local_variables.iter().filter_map(|(_, variable)| variable.name.clone()));
        names.extend(function.named_expressions.values().cloned());
    }
    names
}

/// FXC cannot index registers: it unrolls every loop around a local array, matrix or vector that is indexed by
/// something else than a constant, for minutes, and then fails (X3511). Other compilers put it into memory.
#[test]
fn no_local_value_of_a_portable_shader_is_indexed_by_a_variable() {
    let mut found = vec![];
    for shader in portable() {
        let points = shader.module.entry_points.iter().map(|point| &point.function);
        for function in shader.module.functions.iter().map(|(_, function)| function).chain(points) {
            for (_, expression) in function.expressions.iter() {
                if let Expression::Access { base, .. } = expression
                    && is_local(function, *base)
                {
                    found.push((shader.name.clone(), function.name.clone()));
                }
            }
        }
    }
    assert!(found.is_empty(), "{found:?}");
}

/// Whether an expression is, or points into, a variable or a value of a function, not memory.
fn is_local(function: &Function, expression: Handle<Expression>) -> bool {
    match &function.expressions[expression] {
        Expression::GlobalVariable(_) => false,
        Expression::Access { base, .. } | Expression::AccessIndex { base, .. } => is_local(function, *base),
        Expression::Load { pointer } => is_local(function, *pointer),
        _ => true,
    }
}

/// WebGPU's defaults, which every adapter has: 16 KiB, 256 invocations, 8 storage buffers a stage.
#[test]
fn portable_shaders_fit_webgpus_default_limits() {
    portable().iter().flat_map(Shader::entries).for_each(|entry| fits(&entry));
}

fn fits(entry: &Entry) {
    let (name, shader) = (entry.name(), entry.shader);
    let bytes: u32 = entry
        .variables()
        .filter(|v| v.space == AddressSpace::WorkGroup)
        .map(|v| shader.module.types[v.ty].inner.size(shader.module.to_ctx()))
        .sum();
    assert!(bytes <= 16 << 10, "{name}: {bytes} bytes of workgroup memory");
    let invocations: u32 = entry.point().workgroup_size.iter().product();
    assert!(invocations <= 256, "{name}: {invocations} invocations");
    let storage = entry.bindings().len() - 1;
    assert!(storage <= 8, "{name}: {storage} storage buffers");
}

#[test]
fn a_shader_opens_with_what_it_is() {
    for shader in shaders() {
        let first = shader.source.lines().next().unwrap_or_default();
        assert!(first.starts_with("// ") && first.len() > 20, "{}: {first:?}", shader.name);
    }
}

#[test]
fn bindings_are_dims_then_inputs_then_the_output() {
    for entry in shaders().iter().flat_map(Shader::entries) {
        let name = entry.name();
        assert_eq!(entry.point().stage, ShaderStage::Compute, "{name}");
        let bindings = entry.bindings();
        assert_eq!(bindings[0].space, AddressSpace::Uniform, "{name}: binding 0");
        let (dims, fields) = entry.dims();
        assert!(dims.is_some_and(|dims| dims.ends_with("Dims")), "{name}: binding 0 is {dims:?}");
        assert!(fields.len() >= 2, "{name}: {fields:?}");
        let storage = &bindings[1..];
        for variable in storage {
            let in_memory = matches!(variable.space, AddressSpace::Storage { .. });
            assert!(in_memory, "{name}: {:?} is in {:?}", variable.name, variable.space);
        }
        let written: Vec<bool> = storage.iter().map(|v| is_written(v.space)).collect();
        let expected: Vec<bool> = (1..=storage.len()).map(|i| i == storage.len()).collect();
        assert_eq!(written, expected, "{name}: only the last binding is read_write");
        // Every tensor of the file has an offset and a distance between replicas, at its binding's place.
        for variable in storage {
            let (tensor, place) =
                (variable.name.as_deref().unwrap_or_default(), variable.binding.expect("one"));
            let expected = [format!("{tensor}_offset"), format!("{tensor}_stride")];
            assert_eq!(place.group, 0, "{name}: {tensor}");
            assert!(
                fields[2 * (place.binding as usize - 1)..]
                    .starts_with(&expected.each_ref().map(String::as_str)),
                "{name}: {tensor} at {place:?} of {fields:?}"
            );
        }
    }
}

#[test]
fn a_native_shader_has_a_portable_twin_with_its_interface() {
    let all = shaders();
    let mut natives = 0;
    for native in all.iter().filter(|s| is_native(&s.name)) {
        let (_, rest) = native.source.split_once("Portable twin: ").unwrap_or_else(|| {
            panic!("{} does not name its portable twin", native.name);
        });
        let (twin, _) = rest.split_once(".wgsl").expect("a file's name");
        let twin = all.iter().find(|s| s.name == twin && !is_native(&s.name));
        let twin = twin.unwrap_or_else(|| panic!("{}: no such twin", native.name));
        for entry in native.entries() {
            // `forward_few` is `forward` for some shapes.
            let whole = |name: &str| {
                entry.point().name.strip_prefix(name).is_some_and(|s| s.is_empty() || s.starts_with('_'))
            };
            let same = twin.entries().find(|other| whole(&other.point().name));
            let other = same.unwrap_or_else(|| panic!("{}: not in {}", entry.name(), twin.name));
            assert_eq!(entry.interface(), other.interface(), "{} and {}", entry.name(), twin.name);
            natives += 1;
        }
    }
    assert!(natives > 0);
}

#[test]
fn every_entry_point_is_a_variant_of_an_operation_and_every_variants_is_there() {
    let mut used = BTreeSet::new();
    for case in ops::ALL.iter().flat_map(|(_, cases)| cases()) {
        for (_, launch) in case.graph().expect("a case that fits").launches() {
            let finishing = launch.variants.iter().filter_map(|v| v.finish.as_ref().map(|f| f.kernel));
            let kernels = launch.variants.iter().map(|v| v.kernel).chain(finishing);
            used.extend(kernels.map(|kernel| (kernel.file.to_owned(), kernel.entry.to_owned())));
        }
    }
    let all = shaders();
    let there = all.iter().flat_map(Shader::entries);
    let there: BTreeSet<_> = there.map(|e| (e.shader.name.clone(), e.point().name.clone())).collect();
    assert_eq!(there, used);
}

/// Constants with other values make other files: each is to be as good as one.
#[test]
fn variants_that_differ_in_constants_are_valid_and_fit_webgpus_default_limits() {
    let mut found = 0;
    for case in ops::ALL.iter().flat_map(|(_, cases)| cases()) {
        for (_, launch) in case.graph().expect("a case that fits").launches() {
            for variant in launch.variants.iter().filter(|v| !v.kernel.constants.is_empty()) {
                let (name, source) =
                    (variant.kernel.to_string(), variant.kernel.text().expect("its constants"));
                let shader = Shader::parse(variant.kernel.file.to_owned(), source.into_owned());
                assert!(shader.source != variant.kernel.source, "{name}");
                shader.entries().for_each(|entry| fits(&entry));
                found += 1;
            }
        }
    }
    assert!(found > 0);
}

/// A file that needs more than WebGPU's defaults is run only where the adapter is asked for it.
#[test]
fn a_native_shader_is_a_variant_with_needs_and_a_portable_one_has_none() {
    for case in ops::ALL.iter().flat_map(|(_, cases)| cases()) {
        for (op, launch) in case.graph().expect("a case that fits").launches() {
            for variant in launch.variants {
                let needy = !variant.needs.is_empty();
                assert_eq!(needy, is_native(variant.kernel.file), "{op}, {}", variant.name);
            }
        }
    }
}
