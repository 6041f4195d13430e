//! Tar archives, compressed or not: which members hold the data.
//!
//! Not unpacked to disk: a member is read as a stretch of the inflated stream.

use super::cifar;
use super::detect::{Form, list, of_bytes, partners, reading};
use super::source::Source;
use crate::error::{Error, Result};
use std::io::{self, Read};

/// The form of the data in the archive `source`: CIFAR's files, a pair of features and labels in one
/// directory, or the only file apart from documentation.
pub(super) fn identify(source: &Source) -> Result<Form> {
    let members = members(source)?;
    let names: Vec<&str> = members.iter().map(|member| member.split().1).collect();
    if let Some(files) = cifar::among(&names, &source.place, |i| members[i].source(source))? {
        return Ok(Form::Cifar(files));
    }
    let pairs: Vec<(&Member, &Member)> = members
        .iter()
        .filter_map(|features| {
            let (directory, file) = features.split();
            let wanted: Vec<String> = partners(file).iter().map(|p| format!("{directory}{p}")).collect();
            members.iter().find(|m| wanted.contains(&m.name)).map(|labels| (features, labels))
        })
        .collect();
    let data: Vec<&Member> = members.iter().filter(|m| !m.is_documentation()).collect();
    let (features, labels) = match (&pairs[..], &data[..]) {
        ([(features, labels)], _) => (features.source(source), Some(labels.source(source))),
        ([], [only]) => (only.source(source), None),
        _ => {
            let names: Vec<&String> = members.iter().map(|m| &m.name).collect();
            return Err(Error::data(&source.place)
                .expected("an archive with one data file, or with one pair feats and labels")
                .found(list(&names))
                .advice("unpack it and give the path of the file meant"));
        }
    };
    let head = features.head(512)?;
    of_bytes(features, labels, &head)
}

struct Member {
    name: String,
    offset: u64,
    length: u64,
}

impl Member {
    /// The directory with its slash, and the file's name.
    fn split(&self) -> (&str, &str) {
        self.name.split_at(self.name.rfind('/').map_or(0, |slash| slash + 1))
    }

    fn is_documentation(&self) -> bool {
        let name = self.split().1.to_lowercase();
        name.starts_with("readme") || name.starts_with("license") || name.ends_with(".md")
    }

    fn source(&self, archive: &Source) -> Source {
        archive.member(&self.name, self.offset, self.length)
    }
}

/// Every regular file that is not hidden. The whole archive is read, to its checksum, so that damage
/// anywhere shows before any record is used.
fn members(source: &Source) -> Result<Vec<Member>> {
    let failed = reading(&source.place);
    let mut archive = tar::Archive::new(source.open()?);
    let mut members = Vec::new();
    for entry in archive.entries().map_err(&failed)? {
        let entry = entry.map_err(&failed)?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let member = Member { name, offset: entry.raw_file_position(), length: entry.size() };
        if entry.header().entry_type().is_file() && !member.split().1.starts_with('.') {
            members.push(member);
        }
    }
    let mut rest = archive.into_inner();
    io::copy(rest.by_ref(), &mut io::sink()).map_err(&failed)?;
    Ok(members)
}
