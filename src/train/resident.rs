//! A data set on the GPU, uploaded once and shared by all replicas, and the nodes that take batches
//! out of it. Only the records that are used are there; what one binding does not hold is in several.
//!
//! Not the choice of the batches: that is a tape of row numbers. What is uploaded is checked here, once:
//! kernels trust its sizes and labels.

use crate::dataset::{Dataset, Features, Image, Standardization};
use crate::error::{Error, Result};
use crate::gpu::{Buffer, Context};
use crate::graph::{Graph, NodeId, Tensor};
use crate::ops::{Add, Format, GatherImages, GatherLabels, GatherRows, GatherStandardized, RowsFrom};
use crate::plan::Bound;
use crate::run::config::Sparse;

/// A first layer walks lists of ones where a record has a one for so many features or more, on average.
/// Measured where lists begin to lose (lavapipe, 600 × 1,024): 1.04 times as fast as the dense layer at 8
/// features a one, 0.86 times at 7.
const SPARSE_SHARE: usize = 10;

/// How a resident data set lies in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResidentLayout {
    /// How the features lie: as bits, bytes or floats.
    pub format: Format,
    /// N.
    pub records: usize,
    /// Records in each buffer but the last: as many as a binding holds, or all.
    pub part: usize,
    /// F, as stored.
    pub width: usize,
    /// Whether features are standardized as they are gathered, by each replica's own numbers.
    pub standardized: bool,
    /// Of images, which always are standardized.
    pub images: Option<ImageLayout>,
    /// Of bits: how many are ones, in the whole data set. What is uploaded depends on the replicas that are
    /// trained together, and the way that a first layer works must not.
    pub ones: Option<OnesCount>,
    /// Whether a first layer walks lists of ones.
    pub sparse: Sparse,
    /// C, where each replica has weights of the classes.
    pub weighted: Option<usize>,
}

/// How many bits of a data set are ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OnesCount {
    /// N, of the whole data set.
    pub records: usize,
    /// Of all records.
    pub total: usize,
    /// Of the record that has most.
    pub most: usize,
}

/// How resident images lie in memory and become a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageLayout {
    /// As stored.
    pub image: Image,
    /// Pixels added on every side as they are gathered.
    pub pad: usize,
}

/// Resident features and labels, with a standardization of each replica where columns are numeric.
#[derive(Debug, Clone)]
pub struct Resident {
    /// How the data lie in memory.
    pub layout: ResidentLayout,
    /// C: labels are below it.
    classes: usize,
    /// A buffer a part.
    features: Vec<Buffer>,
    labels: Buffer,
    /// The data set's numbers of the records that are here, ascending; `None`: all are.
    numbers: Option<Vec<u32>>,
    /// shift and scale, [R, 1, F] each; of images [R, 1, C].
    standardization: Vec<Buffer>,
    /// [R, 1, C], where the classes weigh differently.
    class_weights: Option<Buffer>,
}

/// The inputs of a resident data set in one graph.
#[derive(Debug, Clone)]
pub struct ResidentNodes {
    layout: ResidentLayout,
    /// One a part.
    pub features: Vec<NodeId>,
    /// u32 `[N, 1]`, shared by all replicas.
    pub labels: NodeId,
    /// shift and scale, or none.
    pub standardization: Vec<NodeId>,
    /// What the classes weigh, `[1, C]`, where that is not the same.
    pub class_weights: Option<NodeId>,
}

impl ResidentLayout {
    /// How `dataset` will lie in memory if one binding holds all of it, its images with `pad` more pixels on
    /// every side, if it is `standardized` or holds images.
    pub fn of(dataset: &Dataset, pad: usize, standardized: bool) -> Self {
        let format = match &dataset.features {
            Features::Bits { .. } => Format::Bits,
            Features::Bytes { .. } => Format::Bytes,
            Features::Floats { .. } => Format::Floats,
        };
        let records = dataset.records();
        let images = dataset.image.map(|image| ImageLayout { image, pad });
        ResidentLayout {
            format,
            records,
            part: records,
            width: dataset.width(),
            standardized,
            images,
            ones: None,
            sparse: Sparse::Auto,
            weighted: None,
        }
    }

    /// Ones that a record has at most, if a first layer walks lists of them: of one binding of bits, where it
    /// is wanted or a record has at most K / 10 on average.
    pub fn most_ones(self) -> Option<usize> {
        let OnesCount { records, total, most } = self.ones.filter(|_| self.part >= self.records)?;
        let few = SPARSE_SHARE * total <= self.width * records;
        let walked = match self.sparse {
            Sparse::Auto => few,
            Sparse::On => true,
            Sparse::Off => false,
        };
        // A list has place for an entry at least.
        walked.then_some(most.max(1))
    }

    /// Columns of a gathered batch.
    pub fn features(self) -> usize {
        self.images.map_or(self.width, |i| i.image.padded(i.pad).features())
    }

    /// Numbers in a line of the standardization.
    fn line(self) -> usize {
        self.images.map_or(self.width, |i| i.image.channels)
    }

    /// Adds the data set's inputs to `graph`.
    pub fn nodes(self, graph: &mut Graph) -> ResidentNodes {
        let part = |records: usize| match self.standardized && self.images.is_none() {
            true => Tensor::f32(records, self.width).shared(),
            false => Tensor::u32(records, self.format.words(self.width)).shared(),
        };
        let lines: &[&str] = if self.standardized { &["shift", "scale"] } else { &[] };
        let starts = (0..self.records).step_by(self.part);
        let features =
            starts.map(|start| graph.input("features", part(self.part.min(self.records - start)))).collect();
        ResidentNodes {
            layout: self,
            features,
            labels: graph.input("labels", Tensor::u32(self.records, 1).shared()),
            standardization: lines.iter().map(|l| graph.input(l, Tensor::f32(1, self.line()))).collect(),
            class_weights: self.weighted.map(|classes| graph.input("class weights", Tensor::f32(1, classes))),
        }
    }
}

impl Resident {
    /// Uploads `dataset`; `standardizations` holds one for each replica, or none. Images get `pad` more
    /// pixels on every side as they are gathered.
    ///
    /// # Errors
    /// A label that is not below the number of classes, features or standardizations of another size than the
    /// records have; a record larger than the adapter's limits, more records than its memory holds.
    pub fn upload(
        context: &Context,
        dataset: &Dataset,
        standardizations: &[Standardization],
        pad: usize,
    ) -> Result<Self> {
        Self::upload_used(context, dataset, standardizations, pad, [])
    }

    /// [`upload`](Self::upload) of the records in these lists alone, or of all without lists.
    ///
    /// # Errors
    /// As [`upload`](Self::upload); a record that the data do not have.
    pub fn upload_used<'r>(
        context: &Context,
        dataset: &Dataset,
        standardizations: &[Standardization],
        pad: usize,
        used: impl IntoIterator<Item = &'r [u32]>,
    ) -> Result<Self> {
        check(dataset, standardizations)?;
        let numbers = numbers(dataset.records(), used)?;
        let words: &[u32] = match &dataset.features {
            Features::Bits { words, .. } | Features::Bytes { words, .. } => words,
            Features::Floats { values, .. } => bytemuck::cast_slice(values),
        };
        let mut layout = ResidentLayout::of(dataset, pad, !standardizations.is_empty());
        layout.records = numbers.as_ref().map_or(layout.records, Vec::len);
        let stride = dataset.features.stride();
        let most = usize::try_from(context.limits().tensor_bytes()).unwrap_or(usize::MAX) / (4 * stride);
        layout.part = layout.records.min(most).max(1);
        let mut features = vec![];
        for start in (0..layout.records).step_by(layout.part) {
            let end = layout.records.min(start + layout.part);
            features.push(match &numbers {
                None => context.upload("features", &words[start * stride..end * stride])?,
                Some(numbers) => {
                    let row = |number: &u32| &words[*number as usize * stride..][..stride];
                    let part: Vec<u32> = numbers[start..end].iter().flat_map(row).copied().collect();
                    context.upload("features", &part)?
                }
            });
        }
        if layout.format == Format::Bits {
            layout.ones = Some(count_ones(words.chunks_exact(stride)));
        }
        let standardization = match standardizations {
            [] => vec![],
            _ => vec![
                context.upload("shift", &lines(standardizations.iter().map(|s| &s.shift[..])))?,
                context.upload("scale", &lines(standardizations.iter().map(|s| &s.scale[..])))?,
            ],
        };
        let labels = match &numbers {
            None => context.upload("labels", &dataset.labels)?,
            Some(numbers) => {
                let labels: Vec<u32> = numbers.iter().map(|n| dataset.labels[*n as usize]).collect();
                context.upload("labels", &labels)?
            }
        };
        let (classes, class_weights) = (dataset.classes, None);
        Ok(Resident { layout, classes, features, labels, numbers, standardization, class_weights })
    }

    /// With these weights of the classes, C of each replica; none: every record weighs 1.
    ///
    /// # Errors
    /// No memory for them.
    pub fn weighted(mut self, context: &Context, class_weights: &[Vec<f32>]) -> Result<Self> {
        let words = lines(class_weights.iter().map(Vec::as_slice));
        self.layout.weighted = class_weights.first().map(Vec::len);
        self.class_weights =
            self.layout.weighted.map(|_| context.upload("class weights", &words)).transpose()?;
        Ok(self)
    }

    /// With this choice of whether a first layer walks lists of ones; [`Sparse::Auto`] otherwise.
    #[must_use]
    pub fn sparse(mut self, sparse: Sparse) -> Self {
        self.layout.sparse = sparse;
        self
    }

    /// Where these records of the data set are here.
    ///
    /// # Errors
    /// One that was not uploaded.
    pub fn places(&self, records: &[u32]) -> Result<Vec<u32>> {
        let Some(numbers) = &self.numbers else { return Ok(records.to_vec()) };
        let place = |record: &u32| {
            numbers.binary_search(record).map(|place| place as u32).map_err(|_| {
                Error::data("record number").expected("one that was uploaded").found(record.to_string())
            })
        };
        records.iter().map(place).collect()
    }

    /// Refuses networks of fewer classes than the labels have.
    ///
    /// # Errors
    /// Where there are fewer.
    pub fn check_classes(&self, classes: usize) -> Result<()> {
        if self.classes <= classes {
            return Ok(());
        }
        Err(Error::data("labels")
            .expected(format!("at most {classes} classes, as many as the network has"))
            .found(self.classes.to_string()))
    }

    /// Adds the buffers of `nodes` to `bound`.
    pub fn bind(&self, nodes: &ResidentNodes, bound: &mut Bound) {
        bound.extend(nodes.features.iter().copied().zip(self.features.iter().cloned()));
        bound.insert(nodes.labels, self.labels.clone());
        bound.extend(nodes.standardization.iter().copied().zip(self.standardization.iter().cloned()));
        bound.extend(nodes.class_weights.zip(self.class_weights.clone()));
    }
}

/// The words of a tensor `[R, 1, N]` of these lines, one a replica.
fn lines<'l>(lines: impl Iterator<Item = &'l [f32]>) -> Vec<u32> {
    let mut words = vec![];
    for line in lines {
        words.extend(line.iter().map(|v| v.to_bits()));
        words.resize(words.len().next_multiple_of(Tensor::f32(1, line.len()).pitch()), 0);
    }
    words
}

/// The ones of records of bits.
fn count_ones<'w>(records: impl Iterator<Item = &'w [u32]>) -> OnesCount {
    let mut count = OnesCount::default();
    for record in records {
        count.records += 1;
        let ones = record.iter().map(|word| word.count_ones() as usize).sum();
        count.total += ones;
        count.most = count.most.max(ones);
    }
    count
}

/// The records in these lists, ascending, each once; `None`: all of so many.
fn numbers<'r>(records: usize, used: impl IntoIterator<Item = &'r [u32]>) -> Result<Option<Vec<u32>>> {
    let mut lists = used.into_iter().peekable();
    if lists.peek().is_none() {
        return Ok(None);
    }
    let mut wanted = vec![false; records];
    for &record in lists.flatten() {
        let place = wanted.get_mut(record as usize).ok_or_else(|| {
            Error::data("record number")
                .expected(format!("below {records}, as many records as there are"))
                .found(record.to_string())
        })?;
        *place = true;
    }
    match wanted.iter().all(|wanted| *wanted) {
        true => Ok(None),
        false => {
            Ok(Some((0u32..).zip(wanted).filter_map(|(number, wanted)| wanted.then_some(number)).collect()))
        }
    }
}

/// Refuses data that kernels would read beyond the end of, or whose labels would make them do so.
fn check(dataset: &Dataset, standardizations: &[Standardization]) -> Result<()> {
    let refused = |what: &str, expected: String, found: String| {
        Err(Error::data(format!("{}: {what}", dataset.name)).expected(expected).found(found))
    };
    let (records, classes) = (dataset.records(), dataset.classes);
    if let Some(label) = dataset.labels.iter().find(|&&label| label as usize >= classes) {
        return refused(
            "labels",
            format!("labels below {classes}, the number of classes"),
            label.to_string(),
        );
    }
    let words = match &dataset.features {
        Features::Bits { words, .. } | Features::Bytes { words, .. } => words.len(),
        Features::Floats { values, .. } => values.len(),
    };
    let expected = records * dataset.features.stride();
    if words != expected {
        return refused("features", format!("{expected} words for {records} records"), words.to_string());
    }
    if let Some(image) = dataset.image
        && (image.features() != dataset.width() || !matches!(dataset.features, Features::Bytes { .. }))
    {
        let found = format!("{} features a record", dataset.width());
        return refused("images", format!("{} bytes of {image}", image.features()), found);
    }
    let line = dataset.image.map_or(dataset.width(), |image| image.channels);
    if standardizations.iter().any(|s| [s.shift.len(), s.scale.len()] != [line; 2]) {
        let found = "lines of another length".to_string();
        return refused("standardization", format!("{line} shifts and scales"), found);
    }
    Ok(())
}

impl ResidentNodes {
    /// Features `[B, F]` and labels u32 `[B, 1]` of the records in `rows`, u32 `[B, 1]`. Images are moved
    /// about by the random numbers of `augment`, u32 `[1, 2]`, where it is given.
    ///
    /// # Errors
    /// Shapes that do not fit.
    pub fn gather(
        &self,
        graph: &mut Graph,
        rows: NodeId,
        augment: Option<NodeId>,
    ) -> Result<(NodeId, NodeId)> {
        // A gather gives zeros for a row beyond its part, and a row before it wraps around to one beyond: the
        // sum over the parts is the record.
        let mut x = None;
        let together = if self.layout.images.is_some() { 2 } else { 1 };
        for (i, parts) in self.features.chunks(together).enumerate() {
            let start = i * together * self.layout.part;
            let rows = if start == 0 { rows } else { graph.apply(RowsFrom { start }, &[rows])? };
            let found = self.gather_parts(graph, parts, rows, augment)?;
            x = Some(match x {
                None => found,
                Some(sum) => graph.apply(Add, &[sum, found])?,
            });
        }
        let x =
            x.ok_or_else(|| Error::graph("resident data").expected("at least one record").found("none"))?;
        Ok((x, graph.apply(GatherLabels, &[self.labels, rows])?))
    }

    /// The features of the records that lie in these parts, zeros for others; of images up to two parts.
    fn gather_parts(
        &self,
        graph: &mut Graph,
        parts: &[NodeId],
        rows: NodeId,
        augment: Option<NodeId>,
    ) -> Result<NodeId> {
        let (first, last) = (parts[0], parts[parts.len() - 1]);
        match (self.standardization.as_slice(), self.layout.images) {
            (&[shift, scale], Some(ImageLayout { image, pad })) => {
                let op = GatherImages { image, pad, augment: augment.is_some() };
                let inputs = [first, last, rows, shift, scale].into_iter().chain(augment);
                graph.apply(op, &inputs.collect::<Vec<_>>())
            }
            (&[shift, scale], None) => graph.apply(GatherStandardized, &[first, rows, shift, scale]),
            _ => {
                let ResidentLayout { format, width, .. } = self.layout;
                let op = GatherRows { format, width, most: self.layout.most_ones() };
                graph.apply(op, &[first, rows])
            }
        }
    }
}
