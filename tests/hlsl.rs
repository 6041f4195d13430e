//! Every portable shader through Microsoft's own compilers: what naga makes of it for DX12, compiled with DXC
//! and FXC.
//!
//! Needs `scripts/hlsl.sh`, which installs the compilers and, away from Windows, wine: `make test-hlsl` runs
//! both.

use naga::ShaderStage;
use naga::back::hlsl::{Options, PipelineOptions, ShaderModel, Writer};
use naga::valid::{Capabilities, ValidationFlags, Validator};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use veilgrad::ops;

/// Of processor time: a pipeline that takes longer to build makes a program look hung.
const LONGEST_MILLISECONDS: u64 = 5_000;

/// HLSL of each entry point of the portable files, written below `folder`; file names there.
fn translate(folder: &Path, model: ShaderModel) -> Vec<String> {
    let shaders = Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(shaders).expect("shaders").map(|entry| entry.expect("entry").path()).collect();
    files.retain(|path| !path.to_string_lossy().ends_with(".native.wgsl"));
    files.sort();
    let mut written = vec![];
    let text = |file: PathBuf| {
        let name = file.file_stem().and_then(|name| name.to_str()).expect("a name in UTF-8").to_owned();
        let source = std::fs::read_to_string(&file).expect("read");
        (name, source)
    };
    let mut sources: BTreeMap<String, String> = files.into_iter().map(text).collect();
    // Those whose constants have other values are files of their own.
    for case in ops::ALL.iter().flat_map(|(_, cases)| cases()) {
        let launches = case.graph().expect("a case that fits").launches();
        for kernel in launches.iter().flat_map(|(_, launch)| &launch.variants).map(|variant| variant.kernel) {
            if !kernel.constants.is_empty() {
                let values = kernel.constants.iter().map(|(name, value)| format!("{name}{value}"));
                let name = format!("{}.{}", kernel.file, values.collect::<Vec<_>>().join("."));
                sources.insert(name, kernel.text().expect("its constants").into_owned());
            }
        }
    }
    for (name, source) in &sources {
        let module = naga::front::wgsl::parse_str(source).expect(name);
        let info =
            Validator::new(ValidationFlags::all(), Capabilities::empty()).validate(&module).expect(name);
        for entry in &module.entry_points {
            let options = Options {
                shader_model: model,
                fake_missing_bindings: true,
                zero_initialize_workgroup_memory: false,
                force_loop_bounding: false,
                restrict_indexing: false,
                ..Options::default()
            };
            let pipeline = PipelineOptions { entry_point: Some((ShaderStage::Compute, entry.name.clone())) };
            let mut text = String::new();
            let reflected =
                Writer::new(&mut text, &options, &pipeline).write(&module, &info, None).expect(name);
            // naga renames what is a word of HLSL.
            let given = reflected.entry_point_names.into_iter().next().expect("one").expect(name);
            let path = format!("{name}.{}.hlsl", entry.name);
            std::fs::write(folder.join(&path), text.replace(&format!("void {given}("), "void main("))
                .expect("written");
            written.push(path);
        }
    }
    written
}

/// Milliseconds that `compiler` takes for each file, or what it says of one that it refuses.
fn compiled(compiler: &str, folder: &Path, files: &[String]) -> BTreeMap<String, Result<u64, String>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/hlsl.sh");
    let output =
        Command::new("sh").arg(script).arg(compiler).args(files).current_dir(folder).output().expect("sh");
    let text = String::from_utf8_lossy(&output.stdout);
    let line = |line: &str| {
        let mut words = line.trim_end().splitn(4, ' ');
        let (file, verdict, time) = (words.next()?, words.next()?, words.next()?.parse().ok()?);
        let said = words.next().unwrap_or_default().to_owned();
        Some((file.to_owned(), if verdict == "ok" { Ok(time) } else { Err(said) }))
    };
    let found: BTreeMap<_, _> = text.lines().filter_map(line).collect();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(found.len(), files.len(), "{compiler} did not answer for every file: {text}\n{errors}");
    found
}

#[test]
#[ignore = "needs Microsoft's compilers: make test-hlsl"]
fn microsofts_compilers_take_every_portable_entry_point_in_time() {
    let mut failures = vec![];
    println!("| compiler | entry points | slowest |\n|---|---|---|");
    for (compiler, model) in [("dxc", ShaderModel::V6_0), ("fxc", ShaderModel::V5_1)] {
        let folder = tempfile::tempdir().expect("a folder");
        let files = translate(folder.path(), model);
        assert!(files.len() > 50, "{files:?}");
        let found = compiled(compiler, folder.path(), &files);
        let times = || found.iter().filter_map(|(file, time)| Some((*time.as_ref().ok()?, file)));
        let (slowest, file) = times().max().expect("one that compiles");
        println!("| {compiler} | {} of {} | {slowest} ms, {file} |", times().count(), found.len());
        for (file, result) in &found {
            match result {
                Ok(time) if *time <= LONGEST_MILLISECONDS => {}
                Ok(time) => failures.push(format!("{compiler}, {file}: takes {time} ms")),
                Err(said) => failures.push(format!("{compiler}, {file}: {said}")),
            }
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}
