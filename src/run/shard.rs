//! Which part of a job a program is to do, where several share it: `--shard 3/16`, or the number that a
//! cluster's scheduler gives each of them.
//!
//! Not what a part is made of ([`crate::train::parts`]).

use crate::error::{Error, Result};
use std::ops::Range;
use std::str::FromStr;

/// Where schedulers say which of its tasks a program is: Slurm's arrays, Kubernetes' indexed jobs, AWS Batch,
/// PBS and Grid Engine.
pub const INDICES: [&str; 5] = [
    "SLURM_ARRAY_TASK_ID",
    "JOB_COMPLETION_INDEX",
    "AWS_BATCH_JOB_ARRAY_INDEX",
    "PBS_ARRAY_INDEX",
    "SGE_TASK_ID",
];

/// What Grid Engine writes where there is no array.
const NO_ARRAY: &str = "undefined";

/// A shard as it is typed: `3/16`, `auto/16`, `auto1/16`.
///
/// The total is always typed: a scheduler's own is another one when it runs again what failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShardChoice {
    index: Index,
    of: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Index {
    Given(usize),
    /// One of [`INDICES`], which counts from here.
    Environment {
        from: usize,
    },
}

/// Part `index`, from 0, of `of` parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// From 0, below `of`.
    pub index: usize,
    /// How many parts there are, at least 1.
    pub of: usize,
}

impl FromStr for ShardChoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let expected = |what: &str| Error::usage("--shard").expected(what).found(text);
        let form = "I/N, such as 3/16 (I from 0), auto/16, or auto1/16 for arrays that count from 1";
        let (index, of) = text.split_once('/').ok_or_else(|| expected(form))?;
        let of: usize = of.parse().map_err(|_| expected(form))?;
        if of == 0 {
            return Err(expected("at least one part"));
        }
        let index = match index {
            "auto" => Index::Environment { from: 0 },
            "auto1" => Index::Environment { from: 1 },
            number => Index::Given(number.parse().map_err(|_| expected(form))?),
        };
        match index {
            Index::Given(index) if index >= of => {
                let last = of - 1;
                Err(expected(&format!("a part from 0/{of} to {last}/{of}: parts count from 0")))
            }
            index => Ok(ShardChoice { index, of }),
        }
    }
}

impl ShardChoice {
    /// The number of parts.
    pub fn of(&self) -> usize {
        self.of
    }

    /// The part that it means where the environment's variables are these.
    ///
    /// # Errors
    /// No scheduler's number, several that differ, or one that is none of the parts.
    pub fn resolve(&self, variable: impl Fn(&str) -> Option<String>) -> Result<Shard> {
        let from = match self.index {
            Index::Given(index) => return Ok(Shard { index, of: self.of }),
            Index::Environment { from } => from,
        };
        let set =
            |name: &'static str| variable(name).filter(|value| value != NO_ARRAY).map(|value| (name, value));
        let found: Vec<(&str, String)> = INDICES.into_iter().filter_map(set).collect();
        let Some((name, value)) = found.first() else {
            return Err(Error::usage("--shard")
                .expected(format!("a task's number in one of {}", INDICES.join(", ")))
                .found("none of them")
                .advice("start it as a task of an array, or type the part: --shard 0/16"));
        };
        if let Some((other, its)) = found.iter().find(|(_, other)| other != value) {
            return Err(Error::usage("--shard")
                .expected("one scheduler's number of this task")
                .found(format!("{name}={value} and {other}={its}"))
                .advice("type the part: --shard 0/16"));
        }
        let last = from + self.of - 1;
        let number: Option<usize> = value.parse().ok();
        match number.and_then(|number| number.checked_sub(from)).filter(|index| *index < self.of) {
            Some(index) => Ok(Shard { index, of: self.of }),
            None => Err(Error::usage(*name)
                .expected(format!("a number from {from} to {last}"))
                .found(value.clone())
                .advice("number the array's tasks from 0 for auto/N, from 1 for auto1/N")),
        }
    }
}

/// Items of a list: which list, and where in it.
pub type Stretch = (usize, Range<usize>);

/// What each of `of` parts has of lists of items that cost so much: stretches of the lists in their order, of
/// about the same cost. The same on every machine.
pub fn shares(costs: &[Vec<f64>], of: usize) -> Vec<Vec<Stretch>> {
    let total: f64 = costs.iter().flatten().sum();
    let mut shares: Vec<Vec<Stretch>> = vec![vec![]; of];
    let mut before = 0.0;
    for (list, costs) in costs.iter().enumerate() {
        for (item, cost) in costs.iter().enumerate() {
            // Where its middle falls.
            let place = ((before + cost / 2.0) / total * of as f64) as usize;
            before += cost;
            let share = &mut shares[place.min(of - 1)];
            match share.last_mut() {
                Some((of, range)) if *of == list => range.end = item + 1,
                _ => share.push((list, item..item + 1)),
            }
        }
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_typed_and_count_from_0() {
        let parsed = |text: &str| text.parse::<ShardChoice>().map(|s| s.resolve(|_| None).unwrap());
        assert_eq!(parsed("3/16").unwrap(), Shard { index: 3, of: 16 });
        assert_eq!(parsed("0/1").unwrap(), Shard { index: 0, of: 1 });
        for (bad, expected) in [
            ("3", "I/N"),
            ("16/16", "from 0/16 to 15/16"),
            ("0/0", "at least one part"),
            ("-1/4", "I/N"),
            ("auto2/4", "I/N"),
            ("auto/", "I/N"),
            ("1/2/3", "I/N"),
        ] {
            let error = parsed(bad).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains(&format!("found {bad}")), "{error}");
        }
    }

    #[test]
    fn every_scheduler_tells_which_part_a_task_is() {
        let resolve = |typed: &str, set: &[(&str, &str)]| {
            let variable = |name: &str| Some(set.iter().find(|(n, _)| *n == name)?.1.to_owned());
            typed.parse::<ShardChoice>().unwrap().resolve(variable)
        };
        for name in INDICES {
            assert_eq!(resolve("auto/16", &[(name, "3")]).unwrap(), Shard { index: 3, of: 16 }, "{name}");
            assert_eq!(resolve("auto1/16", &[(name, "16")]).unwrap(), Shard { index: 15, of: 16 }, "{name}");
            let error = resolve("auto/16", &[(name, "16")]).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("{name}: expected a number from 0 to 15, found 16")),
                "{error}"
            );
            assert!(resolve("auto1/16", &[(name, "0")]).unwrap_err().to_string().contains("from 1 to 16"));
            assert!(resolve("auto/16", &[(name, "x")]).is_err());
            // What is typed counts.
            assert_eq!(resolve("2/4", &[(name, "3")]).unwrap().index, 2);
        }
        assert!(resolve("auto/16", &[]).unwrap_err().to_string().contains("PBS_ARRAY_INDEX"));
        let two = [("SLURM_ARRAY_TASK_ID", "3"), ("SGE_TASK_ID", "undefined")];
        assert_eq!(resolve("auto/16", &two).unwrap().index, 3);
        let two = [("SLURM_ARRAY_TASK_ID", "3"), ("JOB_COMPLETION_INDEX", "4")];
        assert!(resolve("auto/16", &two).unwrap_err().to_string().contains("JOB_COMPLETION_INDEX=4"));
    }

    #[test]
    fn shares_are_stretches_of_about_the_same_cost_and_leave_nothing_out() {
        assert_eq!(shares(&[vec![1.0; 6]], 3), [[(0, 0..2)], [(0, 2..4)], [(0, 4..6)]]);
        // A list goes on in the next part, and a part may have of several lists.
        let two = shares(&[vec![1.0; 3], vec![3.0]], 2);
        assert_eq!(two, [vec![(0, 0..3)], vec![(1, 0..1)]]);
        let all = shares(&[vec![2.0; 5], vec![1.0; 7], vec![0.5; 4]], 4);
        for (list, items) in [5, 7, 4].into_iter().enumerate() {
            let of = all.iter().flatten().filter(|(of, _)| *of == list);
            assert_eq!(
                of.flat_map(|(_, range)| range.clone()).collect::<Vec<_>>(),
                (0..items).collect::<Vec<_>>()
            );
        }
        let cost = |share: &Vec<Stretch>| -> f64 {
            share.iter().map(|(list, range)| [2.0, 1.0, 0.5][*list] * range.len() as f64).sum()
        };
        assert!(all.iter().all(|share| (cost(share) - 19.0 / 4.0).abs() <= 2.0), "{all:?}");
        // More parts than items: some have none.
        assert_eq!(shares(&[vec![1.0; 2]], 4).iter().filter(|share| share.is_empty()).count(), 2);
    }
}
