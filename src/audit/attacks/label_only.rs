//! The label-only attack (Choquette-Choo et al. 2021, "Label-only membership inference attacks"): members
//! stay rightly classified under small changes more often than others, which shows in the predicted label
//! alone.
//!
//! It needs no confidences, so masking them does not help; but the model must be asked anew. The score is the
//! number of changed copies that the model gets right.
//!
//! | data | copies |
//! |---|---|
//! | bits, and 0/1 columns of tables | 32, every bit flipped with probability 2% |
//! | numbers | 32, with normal noise of a tenth of the column's deviation |
//! | images | 50: shifted by up to 2 pixels either way (zeros come in), mirrored and not |

use rand::rngs::ChaCha8Rng;

use super::attack::{MembershipAttack, Outcome, Sizes, Tools};
use crate::audit::evidence::{Evidence, Queries, needed};
use crate::dataset::{Dataset, Features, Image};
use crate::error::Result;
use crate::random::{Stream, chance, normal, stream, uniform};
use crate::run::config::AuditConfig;
use std::sync::atomic::AtomicBool;

/// q, the copies of a record that is no image.
const COPIES: usize = 32;

/// The probability that a bit is flipped.
const FLIPPED: f64 = 0.02;

/// The noise of a number, in standard deviations of its column.
const NOISE: f64 = 0.1;

/// The furthest shift of an image, in pixels.
const SHIFT: i32 = 2;

/// Bytes of copies that are asked about at once.
const AT_ONCE: usize = 64 << 20;

/// For each record the number of changed copies that the classifier gets right.
///
/// # Errors
/// As [`Queries::classifier`] and
/// [`TrainedClassifier::logits`](crate::release::predict::TrainedClassifier::logits).
pub(super) fn run(
    attack: &MembershipAttack,
    evidence: &[&Evidence],
    tools: &mut Tools,
) -> Result<Vec<Outcome>> {
    let total = evidence.iter().map(|evidence| evidence.rows.len()).sum();
    let mut done = 0;
    let mut outcomes = vec![];
    for evidence in evidence {
        let scores =
            scores(needed(&evidence.queries)?, &evidence.rows, evidence.seed, tools.stop, |records| {
                done += records;
                tools.progress(done, total);
            })?;
        outcomes.push(Outcome::of_scores(attack, evidence, &scores)?);
    }
    Ok(outcomes)
}

/// Multiply-adds of a forward pass over all copies.
pub(super) fn cost(_: &AuditConfig, sizes: &Sizes) -> f64 {
    let copies = if sizes.images { moves().count() } else { COPIES };
    let records = sizes.replicas * (sizes.members + sizes.others) * copies;
    2.0 * sizes.parameters as f64 * records as f64
}

/// For each of `rows` the number of changed copies that the classifier gets right; `progress` is told how
/// many records were done.
fn scores(
    queries: &Queries,
    rows: &[u32],
    seed: u64,
    stop: &AtomicBool,
    mut progress: impl FnMut(usize),
) -> Result<Vec<f64>> {
    let (dataset, classifier) = (queries.dataset, queries.classifier()?);
    let changes = Changes::new(dataset, rows);
    let (stride, copies) = (dataset.features.stride(), changes.copies());
    let chunk = (AT_ONCE / (4 * stride * copies)).max(1);
    let mut scores = Vec::with_capacity(rows.len());
    for part in rows.chunks(chunk) {
        let asked = changes.copies_of(dataset, part, seed);
        let logits = classifier.logits(&asked, stop)?;
        let classes = classifier.classes();
        let right = logits.chunks_exact(classes).zip(&asked.labels).map(|(row, &label)| {
            let best = (1..classes).fold(0, |best, c| if row[c] > row[best] { c } else { best });
            f64::from(u8::from(best == label as usize))
        });
        let right: Vec<f64> = right.collect();
        scores.extend(right.chunks_exact(copies).map(|copies| copies.iter().sum::<f64>()));
        progress(part.len());
    }
    Ok(scores)
}

/// How the records of a data set are changed.
enum Changes {
    Flips,
    /// Of each column: the noise's deviation, or `None` where it holds bits.
    Mixed(Vec<Option<f64>>),
    Moves(Image),
}

impl Changes {
    /// Deviations are those of the records in `rows`.
    fn new(dataset: &Dataset, rows: &[u32]) -> Changes {
        if let Some(image) = dataset.image {
            return Changes::Moves(image);
        }
        let features = &dataset.features;
        let numbers = match features {
            Features::Bits { .. } => return Changes::Flips,
            Features::Bytes { width, .. } => vec![true; *width],
            Features::Floats { .. } => dataset.schema.numbers(),
        };
        let deviation = |j: usize| {
            let values = || rows.iter().map(|&row| f64::from(features.value(row as usize, j)));
            let mean = values().sum::<f64>() / rows.len() as f64;
            (values().map(|v| (v - mean).powi(2)).sum::<f64>() / rows.len() as f64).sqrt()
        };
        let of = |(j, number): (usize, bool)| number.then(|| NOISE * deviation(j));
        Changes::Mixed(numbers.into_iter().enumerate().map(of).collect())
    }

    fn copies(&self) -> usize {
        match self {
            Changes::Moves(_) => moves().count(),
            _ => COPIES,
        }
    }

    /// The changed copies of `rows`, a record's next to each other, with its label. A record's changes depend
    /// on the seed and its number alone.
    fn copies_of(&self, dataset: &Dataset, rows: &[u32], seed: u64) -> Dataset {
        let (features, copies) = (&dataset.features, self.copies());
        let width = features.width();
        let stride = features.stride();
        let of = |row: u32| row as usize * stride..(row as usize + 1) * stride;
        let each = |row: &u32| stream(seed, Stream::Perturbation { record: u64::from(*row) });
        let changed = match (self, features) {
            (Changes::Moves(image), Features::Bytes { words, .. }) => {
                let moved = rows.iter().flat_map(|&row| moves().map(move |m| (row, m)));
                let words = moved.flat_map(|(row, (right, down, mirrored))| {
                    moved_image(*image, &words[of(row)], [right, down], mirrored)
                });
                Features::Bytes { words: words.collect(), width }
            }
            (_, Features::Bits { words, .. }) => {
                let mut changed = Vec::with_capacity(rows.len() * copies * stride);
                for row in rows {
                    let mut rng = each(row);
                    for _ in 0..copies {
                        let start = changed.len();
                        changed.extend(&words[of(*row)]);
                        flips(width, &mut rng, |j| changed[start + j / 32] ^= 1 << (j % 32));
                    }
                }
                Features::Bits { words: changed, width }
            }
            (Changes::Mixed(noise), Features::Floats { values, .. }) => {
                let mut changed = Vec::with_capacity(rows.len() * copies * stride);
                for row in rows {
                    let mut rng = each(row);
                    for _ in 0..copies {
                        let start = changed.len();
                        changed.extend(&values[of(*row)]);
                        for (x, noise) in changed[start..].iter_mut().zip(noise) {
                            *x = change(*x, *noise, &mut rng);
                        }
                    }
                }
                Features::Floats { values: changed, width }
            }
            (Changes::Mixed(noise), Features::Bytes { words, .. }) => {
                let mut changed = Vec::with_capacity(rows.len() * copies * stride);
                for row in rows {
                    let mut rng = each(row);
                    for _ in 0..copies {
                        let mut bytes: Vec<u8> =
                            words[of(*row)].iter().flat_map(|w| w.to_le_bytes()).collect();
                        for (x, noise) in bytes.iter_mut().zip(noise) {
                            *x = change(f32::from(*x), *noise, &mut rng).round().clamp(0.0, 255.0) as u8;
                        }
                        let word = |b: &[u8]| u32::from_le_bytes([b[0], b[1], b[2], b[3]]);
                        changed.extend(bytes.chunks_exact(4).map(word));
                    }
                }
                Features::Bytes { words: changed, width }
            }
            (Changes::Flips | Changes::Moves(_), _) => unreachable!("changes are of the data set's own form"),
        };
        let labels = rows.iter().flat_map(|&row| std::iter::repeat_n(dataset.labels[row as usize], copies));
        Dataset {
            name: dataset.name.clone(),
            kind: String::new(),
            features: changed,
            labels: labels.collect(),
            classes: dataset.classes,
            class_names: vec![],
            schema: dataset.schema.clone(),
            image: dataset.image,
        }
    }
}

/// A number with noise, or a bit that may be flipped.
fn change(x: f32, noise: Option<f64>, rng: &mut ChaCha8Rng) -> f32 {
    match noise {
        Some(deviation) => x + (deviation * normal(rng)) as f32,
        None if chance(rng, FLIPPED) => 1.0 - x,
        None => x,
    }
}

/// Calls `flip` with each of `width` places that is flipped. The gaps between them are geometric: a draw a
/// flip, not a draw a bit.
fn flips(width: usize, rng: &mut ChaCha8Rng, mut flip: impl FnMut(usize)) {
    let gap = |rng: &mut ChaCha8Rng| ((1.0 - uniform(rng)).ln() / (1.0 - FLIPPED).ln()) as usize;
    let mut j = gap(rng);
    while j < width {
        flip(j);
        j += 1 + gap(rng);
    }
}

/// Every shift (right, down), mirrored or not.
fn moves() -> impl Iterator<Item = (i32, i32, bool)> + Clone {
    let shifts = -SHIFT..=SHIFT;
    let down = shifts.clone();
    shifts
        .flat_map(move |right| down.clone().map(move |down| (right, down)))
        .flat_map(|(right, down)| [false, true].map(|mirrored| (right, down, mirrored)))
}

/// The image's words, its planes shifted and mirrored.
fn moved_image(image: Image, words: &[u32], [right, down]: [i32; 2], mirrored: bool) -> Vec<u32> {
    let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
    let (h, w) = (image.height as i32, image.width as i32);
    let mut moved = vec![0; bytes.len()];
    for (i, moved) in moved.iter_mut().take(image.features()).enumerate() {
        let (plane, y, x) = (i as i32 / (h * w), i as i32 / w % h, i as i32 % w);
        let (y, x) = (y - down, x - right);
        if (0..h).contains(&y) && (0..w).contains(&x) {
            let x = if mirrored { w - 1 - x } else { x };
            *moved = bytes[((plane * h + y) * w + x) as usize];
        }
    }
    moved.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{Synthetic, synthetic};

    #[test]
    fn two_bits_in_a_hundred_are_flipped_and_always_the_same() {
        let data = synthetic(&Synthetic { records: 200, ..Synthetic::default() }).unwrap();
        let rows: Vec<u32> = (0..200).collect();
        let changes = Changes::new(&data, &rows);
        let copies = changes.copies_of(&data, &rows, 3);
        assert_eq!((copies.records(), copies.width(), copies.labels[32]), (6400, 600, data.labels[1]));
        let differing =
            |i: usize| copies.row(i).iter().zip(data.row(i / COPIES)).filter(|(a, b)| **a != *b).count();
        let share = (0..6400).map(differing).sum::<usize>() as f64 / (6400.0 * 600.0);
        // Its standard deviation is √(0.02 · 0.98 / 3,840,000) = 7e-5.
        assert!((share - FLIPPED).abs() < 5e-4, "{share}");
        assert_ne!(copies.row(0), copies.row(1));
        // A record's copies do not depend on its company.
        assert_eq!(changes.copies_of(&data, &[7], 3).row(5), copies.row(7 * COPIES + 5));
    }

    #[test]
    fn numbers_get_noise_by_their_column_and_bits_are_flipped() {
        let mut rng = stream(1, Stream::Audit);
        let draws: Vec<f64> = (0..4000).map(|_| f64::from(change(5.0, Some(0.5), &mut rng)) - 5.0).collect();
        let deviation = (draws.iter().map(|d| d * d).sum::<f64>() / 4000.0).sqrt();
        assert!((deviation - 0.5).abs() < 0.03, "{deviation}");
        assert!((0..100).map(|_| change(1.0, None, &mut rng)).all(|x| x == 0.0 || x == 1.0));
    }

    #[test]
    fn images_are_shifted_and_mirrored() {
        let image = Image { height: 2, width: 3, channels: 1 };
        let words = [u32::from_le_bytes([1, 2, 3, 4]), u32::from_le_bytes([5, 6, 0, 0])];
        let bytes = |shift, mirrored| -> Vec<u8> {
            let moved = moved_image(image, &words, shift, mirrored);
            moved.iter().flat_map(|w| w.to_le_bytes()).take(6).collect()
        };
        assert_eq!(bytes([0, 0], false), [1, 2, 3, 4, 5, 6]);
        assert_eq!(bytes([0, 0], true), [3, 2, 1, 6, 5, 4]);
        assert_eq!(bytes([1, 0], false), [0, 1, 2, 0, 4, 5]);
        assert_eq!(bytes([-1, 1], false), [0, 0, 0, 2, 3, 0]);
        assert_eq!(moves().count(), 50);
    }
}
