//! Sparse text as LIBSVM has it: a record a line, its label, then `column:value` pairs, columns from 1.

use super::super::encoding::Encoding;
use super::super::features::{Builder, Wide};
use super::super::labels::RawLabels;
use super::super::options::{LoadOptions, only_text_has_columns};
use super::format::{File, Format, Parts, Stored};
use super::source::{Source, read_error};
use crate::error::{Error, Result};
use std::io::Read;

pub(super) struct LibSvm;

impl Format for LibSvm {
    fn name(&self) -> &'static str {
        "libsvm"
    }

    fn in_file(&self, file: &File) -> Result<Option<Box<dyn Stored>>> {
        let text = String::from_utf8_lossy(&file.head);
        let mut words = text.lines().next().unwrap_or_default().split_whitespace().skip(1);
        let found = words.next().is_some_and(|word| pair(word).is_some()) && words.all(|w| w.contains(':'));
        Ok(found.then(|| Box::new(LibSvmFile(file.source.clone())) as Box<dyn Stored>))
    }
}

struct LibSvmFile(Source);

/// The column, from 1, and the value of `column:value`.
fn pair(word: &str) -> Option<(usize, f32)> {
    let (column, value) = word.split_once(':')?;
    let (column, value): (usize, f32) = (column.parse().ok()?, value.parse().ok()?);
    (column >= 1 && value.is_finite()).then_some((column, value))
}

impl Stored for LibSvmFile {
    fn read(&self, options: &LoadOptions) -> Result<Parts> {
        let place = &self.0.place;
        only_text_has_columns(options, place, true)?;
        let mut text = String::new();
        self.0.open()?.read_to_string(&mut text).map_err(|e| read_error(place, &e))?;
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        let (mut labels, mut values) = (RawLabels::default(), vec![]);
        for (i, line) in lines.iter().enumerate() {
            let at = || format!("{place}:{}", i + 1);
            let mut words = line.split_whitespace();
            labels.push(words.next().unwrap_or_default(), at)?;
            for word in words {
                let (column, value) = pair(word)
                    .ok_or_else(|| Error::data(at()).expected("column:value, columns from 1").found(word))?;
                values.push((i, column - 1, value));
            }
        }
        let width = values.iter().map(|(_, column, _)| column + 1).max().unwrap_or(1);
        let mut builder = Builder::zeros(lines.len(), width, Wide::Floats);
        values.into_iter().for_each(|(i, j, value)| builder.set(i, j, value));
        let features = builder.finish();
        Ok(Parts {
            encoding: Encoding::of_matrix(&features),
            features,
            labels,
            labels_place: place.clone(),
            classes: None,
            note: "libsvm".to_owned(),
            image: None,
            class_names: vec![],
        })
    }
}
