//! Which column of a table of predictions is which, by the names in its first line.
//!
//! Not the rows.

use super::column::number;
use super::names::{self, Role, names as known, plain, unused};
use super::options::Options;
use crate::audit::outputs::OutputForm;
use crate::dataset::formats::empty;
use crate::error::{Error, Result};
use std::path::Path;

/// Where what stands.
pub(super) struct Header {
    pub(super) names: Vec<String>,
    /// One, or a column a class of ones and zeros.
    pub(super) labels: Vec<usize>,
    pub(super) membership: Option<usize>,
    pub(super) subgroup: Option<usize>,
    pub(super) person: Option<usize>,
    pub(super) row: Option<usize>,
    pub(super) outputs: OutputColumns,
    /// What there is to say of the columns.
    pub(super) found: Vec<String>,
}

/// The columns of the outputs.
#[derive(Debug, Clone)]
pub(super) struct OutputColumns {
    /// By class; of a single one, class 1 of two.
    pub(super) columns: Vec<usize>,
    pub(super) declared: Option<OutputForm>,
    /// By class, where the columns are called after them.
    pub(super) class_names: Option<Vec<String>>,
}

/// Columns whose names have one beginning: what is left of each name, and its place.
struct Group {
    stem: String,
    /// Whether every rest is a number.
    numbered: bool,
    members: Vec<(String, usize)>,
}

impl Header {
    /// # Errors
    /// A table without a header, or without a column that is needed.
    pub(super) fn of(names: Vec<String>, path: &Path, options: &Options, one_side: bool) -> Result<Self> {
        let place = path.display().to_string();
        if names.is_empty() {
            return Err(empty(&place));
        }
        if names.iter().all(|name| number(name).is_some()) {
            return Err(no_header(&place, names.len(), path));
        }
        let find = |role: Role| names::find(role, &names, &options.columns, &place);
        let groups = groups(&names);
        let label = find(Role::Labels)?;
        // Labels in a column a class.
        let one_hot = groups.iter().find(|group| known(Role::Labels).contains(&group.stem.as_str()));
        let labels: Vec<usize> = match (label, one_hot) {
            (Some(at), _) => vec![at],
            (None, Some(group)) => group.members.iter().map(|(_, at)| *at).collect(),
            (None, None) => return Err(missing(&place, &names, "labels", Role::Labels)),
        };
        let membership = match find(Role::Membership)? {
            Some(at) if !one_side => Some(at),
            None if !one_side => {
                return Err(missing(&place, &names, "membership", Role::Membership).also(
                    "members and non-members in files of their own are given as --members FILE --nonmembers FILE",
                ));
            }
            _ => None,
        };
        let named = |flag: &str, name: &String| {
            let missing = || Error::usage(flag).expected("a column of the file").found(name.clone());
            names.iter().position(|column| column == name).ok_or_else(missing)
        };
        let subgroup = match &options.subgroups {
            Some(name) => Some(named("--subgroup-column", name)?),
            None => find(Role::Subgroup)?,
        };
        let person = options.persons.as_ref().map(|name| named("--person-column", name)).transpose()?;
        let row = find(Role::Rows)?;
        let taken: Vec<usize> =
            labels.iter().copied().chain([membership, subgroup, person, row].into_iter().flatten()).collect();
        let outputs = outputs(&names, &groups, &taken, options, &place)?;
        let used = [&taken[..], &outputs.columns].concat();
        let found = unused(&names, &used).into_iter().collect();
        Ok(Header { labels, membership, subgroup, person, row, outputs, found, names })
    }
}

/// The columns by what their names begin with.
fn groups(names: &[String]) -> Vec<Group> {
    let mut groups: Vec<Group> = vec![];
    for (at, name) in names.iter().enumerate() {
        let (stem, rest) = parts(name);
        let numbered = rest.parse::<usize>().is_ok();
        if rest.is_empty() {
            continue;
        }
        match groups.iter_mut().find(|group| group.stem == stem) {
            Some(group) => {
                group.numbered &= numbered;
                group.members.push((rest, at));
            }
            None => groups.push(Group { stem, numbered, members: vec![(rest, at)] }),
        }
    }
    groups.retain(|group| group.members.len() > 1);
    groups
}

/// What a name begins with, and the class that it ends with: a number, or what follows a known beginning.
fn parts(name: &str) -> (String, String) {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, ')' | ']'));
    let digits = name[stem.len()..].trim_end_matches([')', ']']);
    if !digits.is_empty() {
        return (plain(stem.trim_end_matches(['_', ' ', '-', '.', '(', '['])), digits.to_owned());
    }
    let outputs = [Role::Logits, Role::Probabilities, Role::Outputs, Role::Labels];
    let begins = outputs.iter().flat_map(|role| known(*role).iter()).filter_map(|known| {
        let head = name.get(..known.len())?;
        let rest = name.get(known.len()..)?.strip_prefix(['_', ' ', '-', '.', '(', '[', ':'])?;
        (plain(head) == *known).then(|| ((*known).to_owned(), rest.trim_end_matches([')', ']']).to_owned()))
    });
    begins.max_by_key(|(stem, _)| stem.len()).unwrap_or((plain(name), String::new()))
}

fn outputs(
    names: &[String],
    groups: &[Group],
    taken: &[usize],
    options: &Options,
    place: &str,
) -> Result<OutputColumns> {
    let order = Role::of_outputs(options.form);
    let free: Vec<&Group> =
        groups.iter().filter(|group| !group.members.iter().any(|(_, at)| taken.contains(at))).collect();
    // What a person says: the beginning of the columns' names, or one column.
    for role in order {
        let Some(wanted) = options.columns.get(&role) else { continue };
        if let Some(group) = free.iter().find(|group| group.stem == plain(wanted)) {
            return of_group(group, role.form(), place);
        }
        if let Some(at) = names.iter().position(|name| name == wanted) {
            return Ok(OutputColumns { columns: vec![at], declared: role.form(), class_names: None });
        }
        return Err(Error::usage(format!("--column {}={wanted}", role.name()))
            .expected(format!("a column, or the beginning of several, of {place}: {}", names.join(", ")))
            .found(wanted.clone()));
    }
    // Groups of known beginnings, the likelier first.
    for role in order {
        for stem in known(role) {
            if let Some(group) = free.iter().find(|group| group.stem == *stem) {
                return of_group(group, role.form(), place);
            }
        }
    }
    // One column of two classes.
    for role in order {
        for stem in known(role) {
            let single = |name: &String| {
                let (begin, rest) = parts(name);
                plain(name) == *stem || (begin == *stem && rest == "1")
            };
            if let Some(at) = names.iter().position(single).filter(|at| !taken.contains(at)) {
                return Ok(OutputColumns { columns: vec![at], declared: role.form(), class_names: None });
            }
        }
    }
    let numbered: Vec<&&Group> = free.iter().filter(|group| group.numbered).collect();
    if let [group] = numbered[..] {
        return of_group(group, None, place);
    }
    let found: Vec<String> =
        numbered.iter().map(|group| format!("{} called {}…", group.members.len(), group.stem)).collect();
    Err(Error::data(place)
        .expected("one group of output columns, numbered by class, as p_0, p_1, … or logit_0, logit_1, …")
        .found(if found.is_empty() { names.join(", ") } else { found.join(", ") })
        .advice("say which it is with --column probabilities=BEGINNING or --column logits=BEGINNING"))
}

/// The columns in the order of their numbers; of classes' names, in the file's.
fn of_group(group: &Group, declared: Option<OutputForm>, place: &str) -> Result<OutputColumns> {
    if !group.numbered {
        return Ok(OutputColumns {
            columns: group.members.iter().map(|(_, at)| *at).collect(),
            declared,
            class_names: Some(group.members.iter().map(|(name, _)| name.clone()).collect()),
        });
    }
    let numbers = group.members.iter().map(|(number, at)| (number.parse::<usize>().unwrap_or_default(), *at));
    let mut columns: Vec<(usize, usize)> = numbers.collect();
    columns.sort_unstable();
    let first = columns[0].0;
    if first > 1 || columns.iter().enumerate().any(|(i, (number, _))| *number != first + i) {
        let numbers: Vec<String> = columns.iter().take(8).map(|(number, _)| number.to_string()).collect();
        return Err(Error::data(place)
            .expected("output columns numbered without gaps from 0 or from 1")
            .found(numbers.join(", ")));
    }
    Ok(OutputColumns {
        columns: columns.into_iter().map(|(_, at)| at).collect(),
        declared,
        class_names: None,
    })
}

fn missing(place: &str, names: &[String], what: &str, role: Role) -> Error {
    let shown: Vec<&str> = names.iter().take(12).map(String::as_str).collect();
    Error::data(place)
        .expected(format!("a header with a column of {what}, called {}, …", known(role)[..3].join(", ")))
        .found(shown.join(", "))
        .advice(format!("say which it is with --column {}=NAME", role.name()))
}

fn no_header(place: &str, columns: usize, path: &Path) -> Error {
    let outputs: Vec<String> = (0..columns.min(3)).map(|c| format!("p_{c}")).collect();
    let more = if columns > 3 { ",…" } else { "" };
    let file = path.display();
    Error::data(place)
        .expected("a header that names the columns, and a column of true labels among them")
        .found(format!("{columns} columns of numbers alone"))
        .advice(format!(
            "put the labels, one a line in a file, in front of the outputs (for the members and for the \
             others), then give both as --members FILE --nonmembers FILE:\n  (echo label,{}{more}; paste \
             -d, labels.txt '{file}') > members.csv",
            outputs.join(",")
        ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(names: &[&str], options: &Options) -> Result<Header> {
        Header::of(names.iter().map(|name| (*name).to_owned()).collect(), Path::new("f.csv"), options, false)
    }

    fn outputs(names: &[&str]) -> (Vec<usize>, Option<OutputForm>) {
        let found = header(names, &Options::default()).unwrap().outputs;
        (found.columns, found.declared)
    }

    #[test]
    fn outputs_are_found_among_other_columns() {
        let (p, z) = (Some(OutputForm::Probabilities), Some(OutputForm::Logits));
        assert_eq!(outputs(&["label", "member", "p_1", "p_0"]), (vec![3, 2], p));
        assert_eq!(outputs(&["y", "split", "Class1", "Class2"]), (vec![2, 3], None));
        // Features beside them; both forms.
        assert_eq!(outputs(&["x_1", "x_2", "label", "member", "prob(0)", "prob(1)"]), (vec![4, 5], p));
        assert_eq!(outputs(&["label", "member", "p0", "p1", "logit_0", "logit_1"]), (vec![4, 5], z));
        // One column.
        assert_eq!(outputs(&["label", "member", "score"]), (vec![2], None));
        assert_eq!(outputs(&["label", "member", "p_1", "age"]), (vec![2], p));
        let named = header(&["label", "member", "p_cat", "p_dog"], &Options::default()).unwrap().outputs;
        assert_eq!(named.class_names.unwrap(), ["cat", "dog"]);
        // Labels in a column a class.
        let found = header(&["member", "label_0", "label_1", "p_0", "p_1"], &Options::default()).unwrap();
        assert_eq!((found.labels, found.outputs.columns), (vec![1, 2], vec![3, 4]));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let refused = |names: &[&str]| header(names, &Options::default()).err().expect("refused").to_string();
        assert!(refused(&["label", "p_0", "p_1"]).contains("a column of membership"));
        assert!(refused(&["label", "member", "p_0", "p_2"]).contains("without gaps"));
        assert!(
            refused(&["label", "member", "a_0", "a_1", "b_0", "b_1"]).contains("2 called a…, 2 called b…")
        );
        assert!(refused(&["0.25", "0.75"]).contains("paste -d,"));
        let mut options = Options::default();
        options.set_column("logits=b").unwrap();
        let names = ["label", "member", "a_0", "a_1", "b_0", "b_1"];
        assert_eq!(header(&names, &options).unwrap().outputs.columns, [4, 5]);
    }
}
