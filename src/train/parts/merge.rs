//! From parts to the run: what is missing is trained, then every part's files become the run's.
//!
//! Repeatable: until the run's predictions are there, the last file, its parts are.

use super::{PartedRun, Standing, Within, cover, in_words};
use crate::error::{Error, Result};
use crate::run::RunDirectory;
use crate::run::config::Config;
use crate::run::directory::{Program, TrainedOn, TrainedPart};
use crate::run::event::{EpochMetrics, Event, Observer, Phase, Task};
use crate::train::run::run;
use std::ops::Range;

/// What a part gives to the run.
struct Piece {
    /// Those of its replicas that no piece before it has.
    taken: Range<usize>,
    replicas: Range<usize>,
    part: RunDirectory,
    standing: Standing,
}

impl Piece {
    /// What its replicas were trained on, or will be.
    fn program(&self, this: &Program) -> TrainedPart {
        let program = match &self.standing {
            Standing::Trained(program) => program.clone(),
            Standing::New | Standing::Begun => this.clone(),
        };
        TrainedPart { replicas: self.taken.clone(), program }
    }
}

impl PartedRun<'_> {
    /// Makes the run whole, in its directory, which must be held: of the parts that are there, after what is
    /// missing was trained; where there are none, it is trained as [`run`] does.
    ///
    /// # Errors
    /// A part that another program trains; parts of another run; parts that were trained on unlike machines,
    /// unless they may be `mixed`; as [`run`].
    pub fn complete(&self, mixed: bool, observer: &mut dyn Observer) -> Result<()> {
        if self.job.directory.parts()?.is_empty() {
            return run(&self.job, observer).map(drop);
        }
        let this = self.this_program();
        let pieces = self.pieces()?;
        let trained_on: Vec<TrainedPart> = pieces.iter().map(|piece| piece.program(&this)).collect();
        if let Some(unlike) = unlike(&trained_on, &this)
            && !mixed
        {
            return Err(Error::usage(self.job.directory.path().display().to_string())
                .expected(format!("parts that were trained as this program would, on {}", this.describe()))
                .found(unlike)
                .advice(
                    "merge them with --mixed, which the result then says, or on a machine like those; or remove a \
                     part, and it is trained anew",
                ));
        }
        self.train_missing(&pieces, observer)?;
        self.merge(&pieces, trained_on, observer)?;
        // Free, so that they can be removed.
        drop(pieces);
        self.job.directory.remove_parts()
    }

    /// The parts that make up the run, those that are missing among them, all held.
    fn pieces(&self) -> Result<Vec<Piece>> {
        let all = self.job.config.replica_count().unwrap_or(usize::MAX);
        let mut found = vec![];
        for (replicas, part) in self.job.directory.parts()? {
            let part = part.held()?;
            let standing = self.standing(&part, &replicas)?;
            found.push((replicas, part, standing));
        }
        let usable: Vec<_> =
            found.iter().filter(|(_, _, standing)| !matches!(standing, Standing::New)).collect();
        let ranges: Vec<(Range<usize>, bool)> = usable
            .iter()
            .map(|(replicas, _, standing)| (replicas.clone(), matches!(standing, Standing::Trained(_))))
            .collect();
        let mut pieces: Vec<Piece> = vec![];
        for (taken, part) in cover(&ranges, all, usize::MAX) {
            let (replicas, part, standing) = match part.map(|part| usable[part].clone()) {
                Some(there) => there,
                None => {
                    let held = found.iter().find(|(replicas, _, _)| *replicas == taken);
                    let part = match held {
                        Some((_, part, _)) => part.clone(),
                        None => RunDirectory::create(self.job.directory.part(&taken).path(), true)?.held()?,
                    };
                    (taken.clone(), part, Standing::New)
                }
            };
            pieces.push(Piece { taken, replicas, part, standing });
        }
        Ok(pieces)
    }

    fn train_missing(&self, pieces: &[Piece], observer: &mut dyn Observer) -> Result<()> {
        let (run, all) = (self.job.directory.name(), self.job.config.replicas().len());
        let is_there = |piece: &&Piece| matches!(piece.standing, Standing::Trained(_));
        let there: usize = pieces.iter().filter(is_there).map(|piece| piece.taken.len()).sum();
        observer.event(&Event::Note(format!("{run}: {there} of {all} models are there in parts")));
        for piece in pieces {
            let mut within =
                Within { observer, run: run.clone(), all, replicas: piece.replicas.clone(), groups: 1 };
            self.finish(&piece.replicas, &piece.part, &piece.standing, &mut within)?;
        }
        Ok(())
    }

    fn merge(
        &self,
        pieces: &[Piece],
        trained_on: Vec<TrainedPart>,
        observer: &mut dyn Observer,
    ) -> Result<()> {
        let directory = self.job.directory;
        let tuning = self.this_program().tuning;
        directory.write_config(&Config { tuning, ..self.job.config.clone() })?;
        directory.write_data(self.job.dataset)?;
        directory.write_splits(&self.splits()?)?;
        let mut metrics: Vec<EpochMetrics> = vec![];
        for piece in pieces {
            let lines = piece.part.read_metrics()?;
            metrics.extend(lines.into_iter().filter(|line| piece.taken.contains(&line.replica)));
        }
        metrics.sort_by_key(|line| (line.epoch, line.replica));
        directory.append_metrics(&metrics)?;
        for piece in pieces {
            piece.taken.clone().try_for_each(|number| directory.copy_model(&piece.part, number))?;
        }
        directory.write_trained_on(&TrainedOn { merged_by: self.this_program(), parts: trained_on })?;
        let numbered = pieces.iter().flat_map(|piece| piece.taken.clone().map(move |number| (piece, number)));
        directory.write_predictions(
            numbered.map(|(piece, number)| piece.part.read_replica(number - piece.replicas.start)),
        )?;
        let task = Task { run: directory.name(), group: 0, phase: Phase::Training };
        observer.event(&Event::Progress { task, done: 1.0, epoch: None });
        observer.event(&Event::Note(format!("{}: {} parts merged", directory.name(), pieces.len())));
        Ok(())
    }
}

/// Which parts were not trained as `this` program would train them, in words; `None` where all were.
fn unlike(parts: &[TrainedPart], this: &Program) -> Option<String> {
    let mut by_program: Vec<(&Program, Vec<String>)> = vec![];
    for part in parts.iter().filter(|part| part.program != *this) {
        match by_program.iter_mut().find(|(program, _)| **program == part.program) {
            Some((_, replicas)) => replicas.push(in_words(&part.replicas)),
            None => by_program.push((&part.program, vec![in_words(&part.replicas)])),
        }
    }
    let parts: Vec<String> = by_program
        .into_iter()
        .map(|(program, replicas)| format!("{} on {}", replicas.join(", "), program.describe()))
        .collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// That the models of the run in `directory` were trained on unlike machines, in a sentence; `None` where they were
/// not.
///
/// # Errors
/// A damaged file.
pub fn mixed(directory: &RunDirectory) -> Result<Option<String>> {
    let Some(TrainedOn { merged_by, parts }) = directory.read_trained_on()? else { return Ok(None) };
    Ok(unlike(&parts, &merged_by).map(|unlike| {
        format!(
            "{}: trained on unlike machines, so that the last bits are not one machine's: {unlike}; the others on {}",
            directory.name(),
            merged_by.describe()
        )
    }))
}
