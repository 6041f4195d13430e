//! A data set on the GPU, uploaded once and shared by all replicas, and the nodes that take batches
//! out of it.
//!
//! Not the choice of the batches: that is a tape of row numbers. What is uploaded is checked here, once:
//! kernels trust its sizes and labels.

use crate::dataset::{Dataset, Features, Image, Standardization};
use crate::error::{Error, Result};
use crate::gpu::{Buffer, Context};
use crate::graph::{Graph, NodeId, Tensor};
use crate::ops::{Format, GatherImages, GatherLabels, GatherRows, GatherStandardized};
use crate::plan::Bound;

/// How a resident data set lies in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResidentLayout {
    pub format: Format,
    /// N.
    pub records: usize,
    /// F, as stored.
    pub width: usize,
    /// Whether features are standardized as they are gathered, by each replica's own numbers.
    pub standardized: bool,
    /// Of images, which always are standardized.
    pub images: Option<ImageLayout>,
}

/// How resident images lie in memory and become a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageLayout {
    /// As stored.
    pub image: Image,
    /// Pixels added on every side as they are gathered.
    pub pad: usize,
    /// Records in the first of up to two buffers: as many as a binding holds.
    pub first: usize,
}

/// Resident features and labels, with a standardization of each replica where columns are numeric.
#[derive(Debug, Clone)]
pub struct Resident {
    pub layout: ResidentLayout,
    /// C: labels are below it.
    classes: usize,
    /// One buffer, or two of images that one binding does not hold.
    features: Vec<Buffer>,
    labels: Buffer,
    /// shift and scale, [R, 1, F] each; of images [R, 1, C].
    standardization: Vec<Buffer>,
}

/// The inputs of a resident data set in one graph.
#[derive(Debug, Clone)]
pub struct ResidentNodes {
    layout: ResidentLayout,
    pub features: NodeId,
    /// The second part of images, or `features` once more.
    pub more: NodeId,
    pub labels: NodeId,
    /// shift and scale, or none.
    pub standardization: Vec<NodeId>,
}

impl ResidentLayout {
    /// How `dataset` will lie in memory, its images with `pad` more pixels on every side, if it is
    /// `standardized` or holds images.
    pub fn of(dataset: &Dataset, pad: usize, standardized: bool) -> Self {
        let format = match &dataset.features {
            Features::Bits { .. } => Format::Bits,
            Features::Bytes { .. } => Format::Bytes,
            Features::Floats { .. } => Format::Floats,
        };
        let records = dataset.records();
        let images = dataset.image.map(|image| ImageLayout { image, pad, first: records });
        ResidentLayout { format, records, width: dataset.width(), standardized, images }
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
        let first = self.images.map_or(self.records, |images| images.first);
        let part = |records: usize| match self.standardized && self.images.is_none() {
            true => Tensor::f32(records, self.width).shared(),
            false => Tensor::u32(records, self.format.words(self.width)).shared(),
        };
        let lines: &[&str] = if self.standardized { &["shift", "scale"] } else { &[] };
        let features = graph.input("features", part(first));
        ResidentNodes {
            layout: self,
            features,
            more: if first < self.records {
                graph.input("features", part(self.records - first))
            } else {
                features
            },
            labels: graph.input("labels", Tensor::u32(self.records, 1).shared()),
            standardization: lines.iter().map(|l| graph.input(l, Tensor::f32(1, self.line()))).collect(),
        }
    }
}

impl Resident {
    /// Uploads `dataset`; `standardizations` holds one for each replica, or none. Images get `pad` more
    /// pixels on every side as they are gathered.
    ///
    /// # Errors
    /// A label that is not below the number of classes, features or standardizations of another size than the
    /// records have; data larger than the adapter's limits or memory.
    pub fn upload(
        context: &Context,
        dataset: &Dataset,
        standardizations: &[Standardization],
        pad: usize,
    ) -> Result<Self> {
        check(dataset, standardizations)?;
        let words: &[u32] = match &dataset.features {
            Features::Bits { words, .. } | Features::Bytes { words, .. } => words,
            Features::Floats { values, .. } => bytemuck::cast_slice(values),
        };
        let mut layout = ResidentLayout::of(dataset, pad, !standardizations.is_empty());
        let stride = dataset.features.stride();
        if let Some(images) = &mut layout.images {
            let most = usize::try_from(context.limits().tensor_bytes()).unwrap_or(usize::MAX) / (4 * stride);
            images.first = images.first.min(most.max(1));
        }
        let (first, second) = words.split_at(layout.images.map_or(words.len(), |i| i.first * stride));
        let mut features = vec![context.upload("features", first)?];
        if !second.is_empty() {
            features.push(context.upload("features", second)?);
        }
        let line = |part: fn(&Standardization) -> &[f32]| -> Vec<u32> {
            let pitch = Tensor::f32(1, layout.line()).pitch();
            let mut words = vec![];
            for standardization in standardizations {
                words.extend(part(standardization).iter().map(|v| v.to_bits()));
                words.resize(words.len().next_multiple_of(pitch), 0);
            }
            words
        };
        let standardization = match standardizations {
            [] => vec![],
            _ => vec![
                context.upload("shift", &line(|s| &s.shift))?,
                context.upload("scale", &line(|s| &s.scale))?,
            ],
        };
        let labels = context.upload("labels", &dataset.labels)?;
        Ok(Resident { layout, classes: dataset.classes, features, labels, standardization })
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
        bound.extend([nodes.features, nodes.more].into_iter().zip(self.features.iter().cloned()));
        bound.insert(nodes.labels, self.labels.clone());
        bound.extend(nodes.standardization.iter().copied().zip(self.standardization.iter().cloned()));
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
        let x = match (self.standardization.as_slice(), self.layout.images) {
            (&[shift, scale], Some(ImageLayout { image, pad, .. })) => {
                let op = GatherImages { image, pad, augment: augment.is_some() };
                let inputs = [self.features, self.more, rows, shift, scale].into_iter().chain(augment);
                graph.apply(op, &inputs.collect::<Vec<_>>())?
            }
            (&[shift, scale], None) => {
                graph.apply(GatherStandardized, &[self.features, rows, shift, scale])?
            }
            _ => {
                let op = GatherRows { format: self.layout.format, width: self.layout.width };
                graph.apply(op, &[self.features, rows])?
            }
        };
        Ok((x, graph.apply(GatherLabels, &[self.labels, rows])?))
    }
}
