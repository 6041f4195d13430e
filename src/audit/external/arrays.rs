//! Predictions in arrays: npz, npy files, safetensors.
//!
//! Not what the numbers are (`inspect`).

use super::column::{Column, Ids, Texts};
use super::labels::{from_matrix, several_labels};
use super::names::{self, Role, unused};
use super::options::Options;
use super::outputs::predicted_classes;
use super::raw::{RawPredictions, name};
use super::shadow_values::ShadowValues;
use super::shadows::ShadowFile;
use super::shape::{check_length, unfit};
use super::sides::{self, Naming};
use crate::audit::outputs::OutputValues;
use crate::dataset::arrays::Arrays;
use crate::dataset::npy::Values;
use crate::error::{Error, Result};
use std::path::Path;

/// The predictions in `arrays`, those of the file or directory `path`; of `one_side`, without membership.
pub(super) fn read(
    path: &Path,
    mut arrays: Arrays,
    options: &Options,
    one_side: bool,
) -> Result<RawPredictions> {
    let there = arrays.names().to_vec();
    if there.iter().any(|n| n == "logits_0") && there.iter().any(|n| n == "membership_0") {
        return Err(Error::data(path.display().to_string())
            .expected("one model's predictions")
            .found("those of a run's models")
            .advice("audit its directory: veilgrad audit DIR"));
    }
    let whole: Naming = there.iter().map(|name| (name.clone(), name.clone())).collect();
    let has_outputs = Part::new(path, &mut arrays, &whole, options).outputs_role()?.is_some();
    match sides::split(&there).filter(|_| !has_outputs && !one_side) {
        Some([members, others]) => {
            let mut used = vec![];
            let mut side = |naming: &Naming| {
                let mut part = Part::new(path, &mut arrays, naming, options);
                let raw = part.read(true)?;
                used.extend(part.used.into_iter().map(|at| naming[at].1.clone()));
                Ok(raw)
            };
            let (members, others) = (side(&members)?, side(&others)?);
            let found =
                format!("members in {}, non-members in {}", members.outputs_name, others.outputs_name);
            let mut raw = RawPredictions::join(members, others)?;
            raw.found.push(found);
            let used: Vec<usize> = (0..there.len()).filter(|&at| used.contains(&there[at])).collect();
            raw.found.extend(unused(&there, &used));
            Ok(raw)
        }
        None => {
            let mut part = Part::new(path, &mut arrays, &whole, options);
            let mut raw = part.read(one_side)?;
            let used = part.used;
            raw.found.extend(unused(&there, &used));
            Ok(raw)
        }
    }
}

/// The arrays of the predictions, or of one side of them.
struct Part<'a> {
    path: &'a Path,
    place: String,
    arrays: &'a mut Arrays,
    naming: &'a Naming,
    /// The names without what tells the sides apart.
    plain: Vec<String>,
    options: &'a Options,
    /// Places in the naming.
    used: Vec<usize>,
}

impl<'a> Part<'a> {
    fn new(path: &'a Path, arrays: &'a mut Arrays, naming: &'a Naming, options: &'a Options) -> Self {
        let plain = naming.iter().map(|(plain, _)| plain.clone()).collect();
        Part { path, place: path.display().to_string(), arrays, naming, plain, options, used: vec![] }
    }

    /// The array of this role, which is then used.
    fn take(&mut self, role: Role) -> Result<Option<String>> {
        let found = names::find(role, &self.plain, &self.options.columns, &self.place)?;
        self.used.extend(found);
        Ok(found.map(|at| self.naming[at].1.clone()))
    }

    /// The array that `flag` names, which is then used.
    fn named(&mut self, name: &str, flag: &str) -> Result<String> {
        let at = self.plain.iter().position(|plain| plain == name).ok_or_else(|| {
            let there: Vec<&str> = self.naming.iter().map(|(_, name)| name.as_str()).collect();
            Error::usage(flag).expected(format!("an array: {}", there.join(", "))).found(name.to_owned())
        })?;
        self.used.push(at);
        Ok(self.naming[at].1.clone())
    }

    fn missing(&self, what: &str, roles: &[Role]) -> Error {
        let known: Vec<&str> = roles.iter().flat_map(|role| &names::names(*role)[..3]).copied().collect();
        let found: Vec<&str> = self.naming.iter().map(|(_, name)| name.as_str()).collect();
        Error::data(&self.place)
            .expected(format!("an array of {what}, called {}, …", known.join(", ")))
            .found(if found.is_empty() { "no arrays".to_owned() } else { found.join(", ") })
            .advice(format!("say which it is with --column {}=NAME", roles[0].name()))
    }

    /// Of several outputs the first by [`Role::of_outputs`], unless a person names them.
    fn outputs_role(&self) -> Result<Option<Role>> {
        let order = Role::of_outputs(self.options.form);
        let given = order.iter().find(|role| self.options.columns.contains_key(role));
        for role in given.into_iter().chain(&order) {
            if names::find(*role, &self.plain, &self.options.columns, &self.place)?.is_some() {
                return Ok(Some(*role));
            }
        }
        Ok(None)
    }

    fn read(&mut self, one_side: bool) -> Result<RawPredictions> {
        let outputs = [Role::Logits, Role::Probabilities, Role::Outputs];
        let role = self.outputs_role()?.ok_or_else(|| self.missing("outputs", &outputs))?;
        let outputs_name = self.take(role)?.unwrap_or_default();
        let labels_name = self.take(Role::Labels)?.ok_or_else(|| self.missing("labels", &[Role::Labels]))?;
        let membership_name = if one_side { None } else { self.take(Role::Membership)? };
        let keep_name = if one_side { None } else { self.take(Role::ShadowKeep)? };
        let class_names = self.class_names(&labels_name)?;
        let one_hot = matches!(self.arrays.shape(&labels_name)?[..], [_, width] if width > 1);
        let several_labels = one_hot.then(|| several_labels(self.path, &labels_name));
        let labels = self.labels(&labels_name)?;
        let n = labels.len();
        let shape = self.arrays.shape(&outputs_name)?;
        let mut found = vec![];
        // The layout of LiRA's authors: every model's outputs in one array, the last model being the target.
        let stacked = keep_name
            .clone()
            .filter(|keep| keep == "keep" && shape.len() >= 3 && shape[1] == n && membership_name.is_none());
        let half_ulp = self.arrays.half_ulp(&outputs_name)?;
        let (values, shape, membership) = match &stacked {
            Some(keep) => self.last_of_stacked(&outputs_name, keep, &shape, n, &mut found)?,
            None => {
                let membership = match (&membership_name, one_side) {
                    (Some(name), _) => Some(self.column(name, n)?),
                    (None, true) => None,
                    (None, false) => return Err(self.no_membership()),
                };
                let read = self.arrays.read(&outputs_name)?;
                (read.values, read.shape, membership)
            }
        };
        let place = self.arrays.place(&outputs_name);
        let [augmentations, classes] = axes(&shape, n, &place)?;
        let whole_numbers = matches!(values, Values::U8(_) | Values::I32(_) | Values::I64(_));
        if classes == 1 && whole_numbers {
            return Err(predicted_classes(&place));
        }
        let values = match values {
            Values::F32(values) => OutputValues::F32(values),
            values => OutputValues::F64(values.into_f64()),
        };
        let (outputs, augmented) = split_augmented(values, augmentations, classes);
        let subgroups = match &self.options.subgroups {
            Some(name) => Some(self.named(name, "--subgroup-column")?),
            None => self.take(Role::Subgroup)?,
        };
        let subgroups = subgroups.map(|name| self.column(&name, n)).transpose()?;
        let persons = match &self.options.persons {
            Some(name) => Some(self.named(name, "--person-column")?),
            None => None,
        };
        let persons = persons.map(|name| self.column(&name, n)).transpose()?;
        let rows = self.take(Role::Rows)?.map(|name| self.ids(&name, n)).transpose()?;
        let shadows = match (&stacked, one_side) {
            (Some(keep), _) => {
                let arrays = [&outputs_name[..], keep];
                Some(ShadowFile::stacked(self.path, self.options, self.arrays, arrays, None, true)?)
            }
            (None, true) => None,
            (None, false) => self.shadows(keep_name.as_deref())?,
        };
        Ok(RawPredictions {
            place: self.place.clone(),
            name: name(self.path),
            half_ulp: half_ulp.unwrap_or_else(|| outputs.as_slice().half_ulp()),
            outputs,
            augmented,
            augmentations,
            classes,
            declared: role.form(),
            outputs_name,
            class_names,
            labels,
            several_labels,
            membership,
            subgroups,
            persons,
            rows,
            shadows,
            found,
        })
    }

    fn no_membership(&self) -> Error {
        let advice = "say which it is with --column membership=NAME; members and non-members in files of \
        their own are given as --members FILE --nonmembers FILE";
        self.missing("membership", &[Role::Membership]).advice(advice)
    }

    /// The target's outputs among those of all models, their shape, and its membership.
    fn last_of_stacked(
        &mut self,
        outputs: &str,
        keep: &str,
        shape: &[usize],
        n: usize,
        found: &mut Vec<String>,
    ) -> Result<(Values, Vec<usize>, Option<Column>)> {
        let models = shape[0];
        if models < 3 {
            return Err(Error::data(self.arrays.place(outputs))
                .expected("at least two shadow models and the target")
                .found(format!("{models} models")));
        }
        found.push(format!(
            "{models} models' outputs: the last is the target, the others are its shadow models"
        ));
        let mut target = Values::F32(vec![]);
        self.arrays.each(outputs, &mut |model, values| {
            if model + 1 == models {
                target = values;
            }
            Ok(())
        })?;
        let keep = self.arrays.read(keep)?;
        let place = self.arrays.place("keep");
        if keep.shape != [models, n] {
            return Err(unfit(&place, &[models, n], &keep.shape));
        }
        let own = keep.values.into_i64(&place)?.split_off((models - 1) * n);
        Ok((target, shape[1..].to_vec(), Some(Column::Numbers(own))))
    }

    fn shadows(&mut self, keep: Option<&str>) -> Result<Option<ShadowFile>> {
        let kinds = [
            (Role::ShadowLogits, Some(ShadowValues::Logits)),
            (Role::ShadowProbabilities, Some(ShadowValues::Probabilities)),
            (Role::ShadowScores, Some(ShadowValues::Phi)),
        ];
        for (role, values) in kinds {
            let Some(name) = self.take(role)? else { continue };
            let Some(keep) = keep else {
                return Err(Error::data(self.arrays.place(&name))
                    .expected("shadow_keep beside it: which records each shadow model was trained on")
                    .found("none"));
            };
            return ShadowFile::stacked(self.path, self.options, self.arrays, [&name, keep], values, false)
                .map(Some);
        }
        Ok(None)
    }

    /// A value a record.
    fn column(&mut self, name: &str, n: usize) -> Result<Column> {
        let place = self.arrays.place(name);
        let column = column(self.arrays, name)?;
        check_length(&place, n, column.len())?;
        Ok(column)
    }

    fn ids(&mut self, name: &str, n: usize) -> Result<Ids> {
        let mut ids = Ids::default();
        match self.column(name, n)? {
            Column::Numbers(numbers) => numbers.iter().for_each(|id| ids.push(&id.to_string())),
            Column::Texts(texts) => texts.each().for_each(|id| ids.push(id)),
        }
        Ok(ids)
    }

    /// Names of classes, which are fewer than records.
    fn class_names(&mut self, labels: &str) -> Result<Option<Vec<String>>> {
        let found = names::find(Role::ClassNames, &self.plain, &self.options.columns, &self.place)?;
        let Some(at) = found.filter(|at| self.naming[*at].1 != labels) else { return Ok(None) };
        self.used.push(at);
        Ok(Some(
            column(self.arrays, &self.naming[at].1.clone())?.into_texts().each().map(str::to_owned).collect(),
        ))
    }

    /// A label a record, or a row of a one-hot matrix.
    fn labels(&mut self, name: &str) -> Result<Column> {
        let shape = self.arrays.shape(name)?;
        match shape[..] {
            [n, width] if width > 1 => {
                let place = self.arrays.place(name);
                let values = self.arrays.read(name)?.values.into_f32();
                from_matrix(&values, n, width, self.path, name).map_err(|error| Error { place, ..error })
            }
            _ => column(self.arrays, name),
        }
    }
}

/// A list of whole numbers or of texts; a second axis of one element is no matter.
fn column(arrays: &mut Arrays, name: &str) -> Result<Column> {
    let (place, shape) = (arrays.place(name), arrays.shape(name)?);
    if !matches!(shape[..], [_] | [_, 1] | [1, _]) {
        return Err(Error::data(place).expected("one value a record").found(format!("the shape {shape:?}")));
    }
    if arrays.is_text(name)? {
        let mut texts = Texts::default();
        arrays.each_text(name, &mut |text| texts.push(text))?;
        return Ok(Column::from(texts));
    }
    Ok(Column::Numbers(arrays.read(name)?.values.into_i64(&place)?))
}

/// A, the augmented copies, and C. Axes of one element between the first and the last say nothing.
fn axes(shape: &[usize], n: usize, place: &str) -> Result<[usize; 2]> {
    match shape.split_first() {
        Some((&records, [])) if records == n => Ok([1, 1]),
        Some((&records, [between @ .., classes])) if records == n && between.len() <= 2 => {
            Ok([between.iter().product(), *classes])
        }
        _ => {
            let error = Error::data(place)
                .expected(format!("a row for each of the {n} labels: the shape [{n}, classes]"))
                .found(format!("the shape {shape:?}"));
            let turned = matches!(shape, [_, records] if *records == n);
            Err(if turned {
                error.advice("records are its columns: save its transpose, array.T")
            } else {
                error
            })
        }
    }
}

/// The first copy's outputs \[N, C\], and all of them where there are several.
fn split_augmented(
    outputs: OutputValues,
    augmentations: usize,
    classes: usize,
) -> (OutputValues, Option<OutputValues>) {
    fn first<T: Copy>(values: &[T], width: usize, classes: usize) -> Vec<T> {
        values.chunks(width.max(1)).flat_map(|row| row[..classes].iter().copied()).collect()
    }
    if augmentations == 1 {
        return (outputs, None);
    }
    let width = augmentations * classes;
    let one = match &outputs {
        OutputValues::F32(values) => OutputValues::F32(first(values, width, classes)),
        OutputValues::F64(values) => OutputValues::F64(first(values, width, classes)),
    };
    (one, Some(outputs))
}
