//! The shift and scale that give numeric features mean 0 and deviation 1 over the members.
//!
//! Not which features are numeric: the schema knows.

use super::features::Features;
use super::records::Dataset;
use crate::ops::Image;
use serde::{Deserialize, Serialize};

/// x′ = (x − shift) · scale, per feature: F values each; of images per channel: C values each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standardization {
    /// The mean over the members.
    pub shift: Vec<f32>,
    /// 1 / the deviation over the members.
    pub scale: Vec<f32>,
}

impl Dataset {
    /// The shift and scale that give every numeric feature mean 0 and deviation 1 over the records
    /// `members`; a feature that is constant there gets scale 1, a bit or category shift 0 and scale 1.
    /// Only members count: anything else would tell the model about records it must not know.
    /// The deviation is the population's (divided by n); sums are f64, in two passes.
    ///
    /// The channels of images likewise, over all pixels of the members; their sums are exact.
    ///
    /// None where no feature is a number: bits, categories and bytes of other data stay as they are.
    ///
    /// # Panics
    /// If `members` is empty or names a record that is not there.
    pub fn standardization(&self, members: &[u32]) -> Option<Standardization> {
        if let (Some(image), Features::Bytes { words, .. }) = (self.image, &self.features) {
            return Some(of_channels(image, words, self.features.stride(), members));
        }
        let Features::Floats { values, width } = &self.features else { return None };
        assert!(!members.is_empty(), "standardization by no records");
        let numbers = self.schema.numbers();
        let stride = self.features.stride();
        let rows = || members.iter().map(|i| &values[*i as usize * stride..][..*width]);

        let mut low = vec![f32::INFINITY; *width];
        let mut high = vec![f32::NEG_INFINITY; *width];
        let mut mean = vec![0.0_f64; *width];
        for row in rows() {
            for (j, x) in row.iter().enumerate() {
                low[j] = low[j].min(*x);
                high[j] = high[j].max(*x);
                mean[j] += f64::from(*x);
            }
        }
        mean.iter_mut().for_each(|sum| *sum /= members.len() as f64);
        let mut variance = vec![0.0_f64; *width];
        for row in rows() {
            for (j, x) in row.iter().enumerate() {
                variance[j] += (f64::from(*x) - mean[j]).powi(2);
            }
        }

        let mut standard = Standardization { shift: vec![0.0; *width], scale: vec![1.0; *width] };
        for j in (0..*width).filter(|j| numbers[*j]) {
            standard.shift[j] = mean[j] as f32;
            // Not variance > 0: rounding in the mean can leave a constant a variance of 1e-20.
            if low[j] < high[j] {
                let scale = (members.len() as f64 / variance[j]).sqrt() as f32;
                // Features within 1e-38 of each other are constant as far as f32 can tell.
                standard.scale[j] = if scale.is_finite() { scale } else { 1.0 };
            }
        }
        Some(standard)
    }
}

/// Mean and deviation of each channel over the images `members`, each of `stride` words.
fn of_channels(image: Image, words: &[u32], stride: usize, members: &[u32]) -> Standardization {
    assert!(!members.is_empty(), "standardization by no records");
    let plane = image.height * image.width;
    let mut standard = Standardization { shift: vec![], scale: vec![] };
    for channel in 0..image.channels {
        let (mut sum, mut squares) = (0_u64, 0_u64);
        for member in members {
            let record = &words[*member as usize * stride..][..stride];
            for at in channel * plane..(channel + 1) * plane {
                let byte = u64::from(record[at / 4] >> (8 * (at % 4)) & 255);
                sum += byte;
                squares += byte * byte;
            }
        }
        let n = (plane * members.len()) as u128;
        // n² times the variance: a whole number, so a constant channel is known exactly.
        let spread = n * u128::from(squares) - u128::from(sum) * u128::from(sum);
        standard.shift.push((sum as f64 / n as f64) as f32);
        standard.scale.push(if spread == 0 { 1.0 } else { (n as f64 / (spread as f64).sqrt()) as f32 });
    }
    standard
}

#[cfg(test)]
mod tests {
    use super::super::schema::{ColumnKind, Columns, Schema};
    use super::*;

    fn two_columns(rows: &[[f32; 2]], kinds: [ColumnKind; 2]) -> Dataset {
        let values = rows.iter().flat_map(|r| [r[0], r[1], 0.0, 0.0]).collect();
        Dataset {
            name: "test".to_owned(),
            kind: String::new(),
            features: Features::Floats { values, width: 2 },
            labels: vec![0; rows.len()],
            classes: 2,
            class_names: vec!["0".to_owned(), "1".to_owned()],
            schema: Schema::new(kinds.map(|kind| Columns::new("", kind))),
            image: None,
        }
    }

    #[test]
    fn channels_of_images_are_standardized_by_the_members_pixels() {
        let mut data = two_columns(&[[0.0, 0.0]; 3], [ColumnKind::Byte, ColumnKind::Byte]);
        data.image = Some(Image { height: 1, width: 2, channels: 2 });
        // Planes: (1, 3) and (7, 7), (5, 7) and (7, 7); the third is no member.
        let words = [[1, 3, 7, 7], [5, 7, 7, 7], [255, 255, 255, 0]].map(u32::from_le_bytes).to_vec();
        data.features = Features::Bytes { words, width: 4 };
        // mean of 1, 3, 5, 7 is 4, variance (9 + 1 + 1 + 9) / 4 = 5
        let expected = Standardization { shift: vec![4.0, 7.0], scale: vec![1.0 / 5.0_f32.sqrt(), 1.0] };
        assert_eq!(data.standardization(&[0, 1]), Some(expected));
    }

    #[test]
    fn only_members_count() {
        let data = two_columns(&[[1.0, 1.0], [3.0, 0.0], [1e6, 1.0]], [ColumnKind::Number, ColumnKind::Bit]);
        // mean of 1 and 3 is 2, deviation 1; the bit stays.
        let expected = Standardization { shift: vec![2.0, 0.0], scale: vec![1.0, 1.0] };
        assert_eq!(data.standardization(&[0, 1]), Some(expected));
    }

    #[test]
    fn a_constant_column_keeps_its_scale() {
        let data = two_columns(&[[0.1, 7.0]; 3], [ColumnKind::Number, ColumnKind::Number]);
        let expected = Standardization { shift: vec![0.1, 7.0], scale: vec![1.0, 1.0] };
        assert_eq!(data.standardization(&[0, 1, 2]), Some(expected));
    }

    #[test]
    fn bits_need_none() {
        let mut data = two_columns(&[[1.0, 0.0]], [ColumnKind::Bit, ColumnKind::Bit]);
        data.features = Features::Bits { words: vec![1], width: 2 };
        assert_eq!(data.standardization(&[0]), None);
    }
}
