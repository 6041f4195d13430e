//! What an operation runs on an adapter, in words: a [`Launch`] names kernels, their extent and their
//! numbers. Nothing here touches a GPU.

use crate::error::{Error, Result};
use std::borrow::Cow;

/// An entry point of a WGSL file, as it stands in `shaders/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Kernel {
    /// The file's stem.
    pub file: &'static str,
    /// The function that runs; `main` where the file has one only.
    pub entry: &'static str,
    /// The file's text.
    pub source: &'static str,
    /// Constants of the file that have other values: a tile's size, of which its twin differs in nothing else.
    pub constants: &'static [(&'static str, u32)],
}

/// The [`Kernel`] of `shaders/$file.wgsl` in this package, entry point `main` unless another is given.
#[macro_export]
macro_rules! kernel {
    ($file:literal) => {
        $crate::kernel!($file, "main")
    };
    ($file:literal, $entry:literal) => {
        $crate::graph::Kernel {
            file: $file,
            entry: $entry,
            source: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/shaders/", $file, ".wgsl")),
            constants: &[],
        }
    };
}

impl Kernel {
    /// The same with other values of these constants.
    #[must_use]
    pub fn with(self, constants: &'static [(&'static str, u32)]) -> Self {
        Kernel { constants, ..self }
    }

    /// The text that runs: the file's, with the line `const NAME: u32 = …;` of each of the constants replaced
    /// whole.
    ///
    /// # Errors
    /// A constant that the file has no such line of.
    pub fn text(&self) -> Result<Cow<'static, str>> {
        let mut text = Cow::Borrowed(self.source);
        for (name, value) in self.constants {
            let start = format!("const {name}: u32 = ");
            let line = text.lines().find(|line| line.starts_with(&start)).map(str::to_owned);
            let line =
                line.ok_or_else(|| Error::gpu(self.place()).expected(format!("a line `{start}…;`")))?;
            text = Cow::Owned(text.replacen(&line, &format!("{start}{value};"), 1));
        }
        Ok(text)
    }

    /// Where it stands, for errors.
    pub fn place(&self) -> String {
        format!("shader {}.wgsl, entry point {}", self.file, self.entry)
    }
}

/// The file's stem, with its constants' values where those are others, and the entry point where that is not
/// `main`: as labels and tables have it.
impl std::fmt::Display for Kernel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.file)?;
        if !self.constants.is_empty() {
            let values: Vec<String> =
                self.constants.iter().map(|(name, value)| format!("{name} {value}")).collect();
            write!(f, "({})", values.join(", "))?;
        }
        match self.entry {
            "main" => Ok(()),
            entry => write!(f, ":{entry}"),
        }
    }
}

/// How much a dispatch covers. Workgroup counts follow from what the shader declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grid {
    /// A matrix of `rows`×`cols` in tiles of the shader's `TILE_ROWS`×`TILE_COLS`: x over columns,
    /// y over rows.
    Tiles {
        /// Rows of the matrix that is computed.
        rows: usize,
        /// Its columns, padding not counted.
        cols: usize,
    },
    /// So many items, one an invocation; folded into y beyond the adapter's limit in x.
    Items(usize),
}

/// The kind of adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// A CPU behind a graphics API (Mesa's lavapipe, WARP).
    Software,
    /// Integrated and Apple GPUs.
    Integrated,
    /// GPUs with memory of their own.
    Discrete,
}

impl Class {
    /// Every kind of adapter.
    pub const ALL: &[Class] = &[Class::Software, Class::Integrated, Class::Discrete];
    /// Software adapters alone.
    pub const SOFTWARE: &[Class] = &[Class::Software];
    /// All but software.
    pub const HARDWARE: &[Class] = &[Class::Integrated, Class::Discrete];
}

/// What a launch may use of the adapter. It depends on the adapter alone, never on the number of
/// replicas: a replica's bytes must not depend on its company.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// The kind of adapter, which decides the default variants.
    pub class: Class,
    /// Subgroup size, where there are subgroups and they have one size only.
    pub subgroup: Option<u32>,
    /// 64-bit integers.
    pub int64: bool,
}

/// What a variant needs of an adapter beyond WebGPU's defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Subgroups of this size, always.
    Subgroups(u32),
    /// 64-bit integers.
    Int64,
}

impl Target {
    /// Whether the adapter has what a variant asks for.
    pub fn has(&self, need: Need) -> bool {
        match need {
            Need::Subgroups(size) => self.subgroup == Some(size),
            Need::Int64 => self.int64,
        }
    }
}

/// One of the ways to compute an operation's result at some shape: a row of its list. Variants differ in
/// speed and in the order of sums, not in what they compute.
#[derive(Debug, Clone)]
pub struct Variant {
    /// The name in files and tables, unique within the operation.
    pub name: &'static str,
    /// The shader and its entry point.
    pub kernel: Kernel,
    /// What one dispatch covers.
    pub grid: Grid,
    /// What the adapter must have.
    pub needs: &'static [Need],
    /// Whether it can do this shape.
    pub fits: bool,
    /// The kinds of adapter that run it where no other was chosen.
    pub default_on: &'static [Class],
    /// What follows where the kernel splits its sums.
    pub finish: Option<Finish>,
}

/// A second dispatch, of a kernel that reads the parts of split sums, one result after the other, and some of the
/// operation's inputs, and writes the result.
#[derive(Debug, Clone)]
pub struct Finish {
    /// The shader and its entry point.
    pub kernel: Kernel,
    /// What it covers.
    pub grid: Grid,
    /// Its own part of the uniform.
    pub words: Vec<u32>,
    /// Which of the operation's inputs it reads, after the parts.
    pub inputs: &'static [usize],
}

impl Variant {
    /// A variant that runs everywhere, at any shape, where it is asked for by name.
    pub fn new(name: &'static str, kernel: Kernel, grid: Grid) -> Self {
        Variant { name, kernel, grid, needs: &[], fits: true, default_on: &[], finish: None }
    }

    /// Only on adapters that have all of these.
    #[must_use]
    pub fn needs(self, needs: &'static [Need]) -> Self {
        Variant { needs, ..self }
    }

    /// Only at the shapes for which this holds.
    #[must_use]
    pub fn fits(self, fits: bool) -> Self {
        Variant { fits, ..self }
    }

    /// With a second dispatch, which adds up the parts that the first splits its sums into.
    #[must_use]
    pub fn finish(self, finish: Finish) -> Self {
        Variant { finish: Some(finish), ..self }
    }

    /// By default on these kinds of adapter, unless an earlier row is.
    #[must_use]
    pub fn default_on(self, default_on: &'static [Class]) -> Self {
        Variant { default_on, ..self }
    }

    fn runs_on(&self, target: &Target) -> bool {
        self.fits && self.needs.iter().all(|need| target.has(*need))
    }
}

/// One dispatch for all replicas (the replica is `workgroup_id.z`).
///
/// The shader's `Dims` uniform is an (offset, stride) pair of each storage operand in binding
/// order, which the plan fills in, followed by `words`.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The operation's own part of the uniform, u32 or the bits of an f32.
    pub words: Vec<u32>,
    /// What can run it, in order of preference.
    pub variants: Vec<Variant>,
}

impl Launch {
    /// The name of the variant of an operation that has no other.
    pub const ONLY: &str = "only";

    /// The launch of an operation with one kernel for all adapters and shapes.
    pub fn only(kernel: Kernel, words: Vec<u32>, grid: Grid) -> Self {
        Launch { words, variants: vec![Variant::new(Self::ONLY, kernel, grid).default_on(Class::ALL)] }
    }

    /// The variants that `target` can run, in order of preference.
    pub fn runnable(&self, target: &Target) -> impl Iterator<Item = &Variant> {
        self.variants.iter().filter(|variant| variant.runs_on(target))
    }

    /// The variant that `target` runs unless another is asked for. `None`: no row is for such an adapter and
    /// shape.
    pub fn default_variant(&self, target: &Target) -> Option<&Variant> {
        self.runnable(target).find(|variant| variant.default_on.contains(&target.class))
    }

    /// The variant called `wanted` if `target` can run it, else the default.
    pub fn variant(&self, target: &Target, wanted: Option<&str>) -> Option<&Variant> {
        let chosen = wanted.and_then(|name| self.runnable(target).find(|variant| variant.name == name));
        chosen.or_else(|| self.default_variant(target))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LANES: &[Need] = &[Need::Subgroups(8), Need::Int64];

    fn launch(fits: bool) -> Launch {
        let row = |name| {
            let kernel = Kernel { file: name, entry: "main", source: "", constants: &[] };
            Variant::new(name, kernel, Grid::Items(1))
        };
        Launch {
            words: vec![],
            variants: vec![
                row("lanes").needs(LANES).fits(fits).default_on(Class::SOFTWARE),
                row("long").default_on(Class::SOFTWARE),
                row("shared").default_on(Class::HARDWARE),
            ],
        }
    }

    fn name(launch: &Launch, target: Target, wanted: Option<&str>) -> &'static str {
        launch.variant(&target, wanted).map_or("none", |variant| variant.name)
    }

    #[test]
    fn the_default_is_the_first_row_for_the_adapter_that_it_and_the_shape_allow() {
        let with = |class| Target { class, subgroup: Some(8), int64: true };
        let without = |class| Target { class, subgroup: Some(32), int64: true };
        assert_eq!(name(&launch(true), with(Class::Software), None), "lanes");
        assert_eq!(name(&launch(false), with(Class::Software), None), "long", "the shape");
        assert_eq!(name(&launch(true), without(Class::Software), None), "long", "subgroups of another size");
        let short = Target { int64: false, ..with(Class::Software) };
        assert_eq!(name(&launch(true), short, None), "long", "no 64-bit integers");
        assert_eq!(name(&launch(true), with(Class::Discrete), None), "shared", "not the default there");
        assert_eq!(name(&launch(true), with(Class::Integrated), None), "shared");
    }

    #[test]
    fn a_constant_s_line_is_replaced_whole_and_one_that_is_not_there_is_an_error() {
        let source = "const SIDE: u32 = 16; // a side\nconst SIDES: u32 = 2 * SIDE;\n";
        let kernel = Kernel { file: "tile", entry: "forward", source, constants: &[] };
        assert_eq!(kernel.text().unwrap(), source);
        let small = kernel.with(&[("SIDE", 8)]);
        assert_eq!(small.text().unwrap(), "const SIDE: u32 = 8;\nconst SIDES: u32 = 2 * SIDE;\n");
        assert_eq!(small.to_string(), "tile(SIDE 8):forward");
        let error = kernel.with(&[("STEP", 8)]).text().unwrap_err().to_string();
        assert!(error.contains("tile.wgsl") && error.contains("const STEP: u32 = "), "{error}");
    }

    #[test]
    fn a_choice_is_followed_where_it_can_be() {
        let target = Target { class: Class::Discrete, subgroup: Some(8), int64: true };
        assert_eq!(name(&launch(true), target, Some("lanes")), "lanes");
        assert_eq!(name(&launch(false), target, Some("lanes")), "shared", "the shape");
        let less = Target { subgroup: None, ..target };
        assert_eq!(name(&launch(true), less, Some("lanes")), "shared", "the adapter");
        assert_eq!(name(&launch(true), target, Some("round")), "shared", "no such variant");
    }
}
