//! How the shaders read: one text for one function, one dialect, a shape beside each binding, and few
//! repetitions. What they are to naga is for `tests/shaders.rs`, what they compute for `tests/ops.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// (Name without `.wgsl`, text) of each file of `shaders/`.
fn sources() -> Vec<(String, String)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
    let read = |path: &Path| {
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a name in UTF-8").to_owned();
        (name, std::fs::read_to_string(path).expect("read"))
    };
    let entries = std::fs::read_dir(directory).expect("shaders/");
    let mut sources: Vec<_> = entries.map(|entry| read(&entry.expect("an entry").path())).collect();
    sources.sort();
    assert!(sources.len() > 30, "only {} shaders", sources.len());
    sources
}

/// A function of a file.
struct Function<'a> {
    name: &'a str,
    /// From its name to the brace that closes it.
    text: &'a str,
    is_entry: bool,
}

impl<'a> Function<'a> {
    /// The lines between the signature and the closing brace without comments, and without those that only open
    /// or close a block.
    fn body(&self) -> Vec<&'a str> {
        let lines = self.text.lines().skip_while(|line| !line.ends_with('{')).skip(1);
        let code = lines.map(|line| line.split("//").next().unwrap_or_default().trim());
        code.filter(|line| !line.trim_matches(['{', '}', ' ']).is_empty() && *line != "} else {").collect()
    }
}

fn functions(source: &str) -> Vec<Function<'_>> {
    let starts = source.match_indices("\nfn ").map(|(at, _)| at + 1);
    let one = |start: usize| {
        let end = start + source[start..].find("\n}").expect("a closing brace") + 2;
        let name = source[start + 3..].split('(').next().unwrap_or_default();
        let before = source[..start].lines().last().unwrap_or_default();
        Function { name, text: &source[start..end], is_entry: before.starts_with("@compute") }
    };
    starts.map(one).collect()
}

/// A difference between two of them is a fault that no comparison with a reference need see.
#[test]
fn functions_of_one_name_have_one_text() {
    let sources = sources();
    let mut texts: BTreeMap<&str, BTreeMap<&str, &str>> = BTreeMap::new();
    for (file, source) in &sources {
        for function in functions(source).into_iter().filter(|function| !function.is_entry) {
            texts.entry(function.name).or_default().insert(function.text, file);
        }
    }
    assert!(texts.len() > 40 && texts.contains_key("activate"), "{:?}", texts.keys());
    let several: Vec<_> = texts.iter().filter(|(_, texts)| texts.len() > 1).collect();
    assert!(several.is_empty(), "{several:#?}");
}

/// WGSL has no imports, so that what two files need stands in both; 48 did when each pass had a file of its own.
#[test]
fn few_function_bodies_stand_in_more_than_one_file() {
    let sources = sources();
    let mut bodies: BTreeMap<Vec<&str>, BTreeSet<(&str, &str)>> = BTreeMap::new();
    for (file, source) in &sources {
        for function in functions(source) {
            let body = function.body();
            if body.len() >= 3 {
                bodies.entry(body).or_default().insert((file, function.name));
            }
        }
    }
    let repeated: Vec<_> = bodies.values().filter(|places| places.len() > 1).collect();
    let count: usize = repeated.iter().map(|places| places.len()).sum();
    let lines: usize = sources.iter().map(|(_, source)| source.lines().count()).sum();
    println!("{count} bodies stand in more than one of {} files of {lines} lines", sources.len());
    assert!((1..=24).contains(&count), "{count}: {repeated:#?}");
}

#[test]
fn every_binding_states_its_shape_and_every_line_fits() {
    let mut bindings = 0;
    for (file, source) in sources() {
        for line in source.lines() {
            assert!(line.chars().count() <= 110, "{file}: {line}");
            if line.starts_with("@group") && !line.contains("<uniform>") {
                let (_, shape) =
                    line.split_once("; // ").or_else(|| line.split_once("// ")).unwrap_or_default();
                assert!(
                    shape.contains('[') || shape.starts_with("as ") || shape.contains(" as "),
                    "{file}: {line}"
                );
                bindings += 1;
            }
        }
    }
    assert!(bindings > 100, "{bindings}");
}

/// `i++`, `4 * i`, `vec4(0.0)`: a type is written where nothing else gives it.
#[test]
fn literals_and_increments_are_of_one_dialect() {
    let mut found = vec![];
    for (file, source) in sources() {
        for line in source.lines() {
            let code = line.split("//").next().unwrap_or_default();
            let words: Vec<&str> = code.split_whitespace().collect();
            let suffixed = |word: &str| {
                let digits = word.trim_matches(['(', ')', ';', ',', ']']).strip_suffix('u');
                digits.is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()) && !digits.is_empty())
            };
            let operators = ["+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "+=", "-="];
            let twice = words.windows(2).any(|pair| operators.contains(&pair[0]) && suffixed(pair[1]));
            let long =
                [" += 1;", " += 1)", "<f32>(0.0)", "<f32>(1.0)", "case 0u", "case 1u", "[0u]", "<u32>(0u"];
            if twice || long.iter().any(|form| code.contains(form)) {
                found.push(format!("{file}: {}", line.trim()));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}
