//! Synthetic records: binary prototypes of classes, with noise. The data set of a first run.
//!
//! Not a model of real purchases: only the shape of Purchase100 (600 bits, 100 classes) and something of
//! its difficulty. At the default noise a tanh network with one hidden layer of 256, trained to 100% on
//! its members, gets 94% of the other records right after 20,000 members and 82% after 5,000.

use super::features::Features;
use super::records::Dataset;
use super::schema::{ColumnKind, Columns, Schema};
use crate::error::{Error, Result};
use crate::random::{Stream, below, chance, stream};
use crate::setting::{Range, SettingsTable, described, range, settings};

settings! {
    /// `[data.synthetic]`: what to generate where `data.path` is empty. Every key may be left out.
    pub struct Synthetic {
        /// N: from `classes` up.
        records: usize = 60_000, unit "records", in described("a number from classes to 4294967295");
        /// F: bits a record.
        features: usize = 600, unit "bits",
            in range("a number from 1 to 4294967295", |v| (1..=u32::MAX as usize).contains(v));
        /// C: every class has the same number of records, give or take one.
        classes: usize = 100, unit "classes",
            in range("a number from 2 to 65536", |v| (2..=65_536).contains(v));
        /// The probability that a bit of a record differs from its class's prototype; at 0.5 nothing of the
        /// class is left.
        noise: f64 = 0.4, in range("a probability from 0 to 0.5", |v| (0.0..=0.5).contains(v));
        /// The probability that a record's label is replaced by another class's.
        label_noise: f64 = 0.0, in PROBABILITY;
        /// The probability that a prototype's bit is 1.
        density: f64 = 0.5, in PROBABILITY;
        /// Of the prototypes, the noise and the labels.
        seed: u64 = 0;
    }
}

const PROBABILITY: Range<f64> = range("a probability from 0 to 1", |v| (0.0..=1.0).contains(v));

impl Synthetic {
    fn check(&self) -> Result<()> {
        self.check_ranges("synthetic")?;
        let (classes, records) = (self.classes, self.records);
        if (classes..=u32::MAX as usize).contains(&records) {
            return Ok(());
        }
        Err(Error::usage("synthetic.records")
            .expected(format!("a number from {classes} to {}", u32::MAX))
            .found(records.to_string()))
    }
}

/// Generates a data set; the same `spec` always gives the same records.
///
/// Record i is of class i mod C: its prototype's bits, each flipped with probability `noise`.
///
/// # Errors
/// A value of `spec` outside its range.
pub fn synthetic(spec: &Synthetic) -> Result<Dataset> {
    spec.check()?;
    let Synthetic { records, features: width, classes, .. } = *spec;
    let mut rng = stream(spec.seed, Stream::Synthetic);
    let stride = width.div_ceil(32);
    let mut bits = |p: f64| -> Vec<u32> {
        (0..stride)
            .map(|word| {
                (0..32.min(width - 32 * word)).fold(0, |bits, j| bits | u32::from(chance(&mut rng, p)) << j)
            })
            .collect()
    };
    let prototypes: Vec<Vec<u32>> = (0..classes).map(|_| bits(spec.density)).collect();
    let mut words = Vec::with_capacity(records * stride);
    for i in 0..records {
        words.extend(bits(spec.noise).iter().zip(&prototypes[i % classes]).map(|(flip, bit)| flip ^ bit));
    }
    let others = classes as u32 - 1;
    let labels = (0..records)
        .map(|i| {
            let class = (i % classes) as u32;
            if chance(&mut rng, spec.label_noise) {
                (class + 1 + below(&mut rng, others)) % (others + 1)
            } else {
                class
            }
        })
        .collect();
    let columns = vec![Columns { count: width, ..Columns::new("", ColumnKind::Bit) }];
    Ok(Dataset {
        name: "synthetic".to_owned(),
        kind: format!(
            "synthetic (noise {}, label noise {}, density {}, seed {}), {classes} classes: {records} records \
             of {width} binary features",
            spec.noise, spec.label_noise, spec.density, spec.seed
        ),
        features: Features::Bits { words, width },
        labels,
        classes,
        class_names: (0..classes).map(|class| class.to_string()).collect(),
        schema: Schema { columns, ..Schema::default() },
        image: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Synthetic {
        Synthetic { records: 3000, features: 70, classes: 3, noise: 0.1, ..Synthetic::default() }
    }

    #[test]
    fn it_is_as_specified() {
        let data = synthetic(&small()).expect("generated");
        assert_eq!((data.records(), data.width(), data.classes), (3000, 70, 3));
        assert_eq!(data.labels[..4], [0, 1, 2, 0]);
        // Two records of a class agree in a bit with probability 0.9² + 0.1² = 0.82.
        let agree = |i, j| data.row(i).iter().zip(data.row(j)).filter(|(a, b)| **a == *b).count();
        let same: usize = (0..300).map(|i| agree(3 * i, 3 * i + 3)).sum();
        let share = same as f64 / (300.0 * 70.0);
        assert!((share - 0.82).abs() < 0.02, "{share} of bits agree");
        let Features::Bits { words, .. } = &data.features else { panic!("bits") };
        assert!(words.iter().skip(2).step_by(3).all(|w| w >> 6 == 0), "unused bits are 0");
    }

    #[test]
    fn a_seed_gives_the_same_records_and_another_others() {
        assert_eq!(synthetic(&small()), synthetic(&small()));
        let other = synthetic(&Synthetic { seed: 1, ..small() }).expect("generated");
        assert_ne!(other.features, synthetic(&small()).expect("generated").features);
    }

    #[test]
    fn label_noise_takes_another_class() {
        let data = synthetic(&Synthetic { label_noise: 1.0, ..small() }).expect("generated");
        assert!(data.labels.iter().enumerate().all(|(i, l)| *l < 3 && *l != (i % 3) as u32));
        let data = synthetic(&Synthetic { label_noise: 0.2, ..small() }).expect("generated");
        let wrong = data.labels.iter().enumerate().filter(|(i, l)| **l != (i % 3) as u32).count();
        assert!((500..700).contains(&wrong), "{wrong} of 3000 at 0.2");
    }

    #[test]
    fn values_outside_their_range_are_refused() {
        let refused = |spec: Synthetic| synthetic(&spec).expect_err("refused").place;
        assert_eq!(refused(Synthetic { noise: 0.6, ..small() }), "synthetic.noise");
        assert_eq!(refused(Synthetic { density: f64::NAN, ..small() }), "synthetic.density");
        assert_eq!(refused(Synthetic { classes: 1, ..small() }), "synthetic.classes");
        assert_eq!(refused(Synthetic { records: 2, ..small() }), "synthetic.records");
        assert_eq!(refused(Synthetic { features: 0, ..small() }), "synthetic.features");
        assert!(toml::from_str::<Synthetic>("nois = 0.1").is_err());
        assert_eq!(toml::from_str::<Synthetic>("seed = 3").expect("parsed").seed, 3);
    }
}
