//! The fields of a table's records to those who take a column each, on as many threads as there are cores.
//!
//! Who takes a column sees its fields in the order of the records, and of several errors the first in the file is
//! told: what comes out does not depend on the threads. Not what a column is (`raw`).

use super::Rows;
use crate::error::{Error, Result};
use ::csv::ByteRecord;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

/// Bytes of fields that are handed on at once.
const BATCH_BYTES: usize = 1 << 18;

/// Batches that a thread may lag behind.
const BATCHES: usize = 4;

/// Takes the fields of a column.
pub(super) trait TakesFields: Send {
    /// Takes the next record's field, which stands at `place`.
    ///
    /// # Errors
    /// It is none of the column's.
    fn take_field(&mut self, field: &[u8], place: &dyn Fn() -> String) -> Result<()>;
}

/// Records and where they stand.
#[derive(Default)]
struct Batch {
    /// The number of the first.
    first: usize,
    /// The fields one after another, record by record, and where each ends.
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// Where each record stands.
    places: Vec<u64>,
}

impl Batch {
    /// An empty one with room for as much as is handed on at once.
    fn from(first: usize) -> Self {
        Batch { first, bytes: Vec::with_capacity(BATCH_BYTES + BATCH_BYTES / 16), ..Batch::default() }
    }

    fn push(&mut self, record: &ByteRecord, at: u64) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(record.as_slice());
        self.ends.extend((0..record.len()).filter_map(|j| Some(start + record.range(j)?.end)));
        self.places.push(at);
    }

    /// Of each record where it stands and its field of a column.
    fn fields(&self, column: usize) -> impl Iterator<Item = (u64, &[u8])> {
        let columns = self.ends.len() / self.places.len().max(1);
        self.places.iter().enumerate().map(move |(i, at)| {
            let field = i * columns + column;
            let start = if field == 0 { 0 } else { self.ends[field - 1] };
            (*at, &self.bytes[start..self.ends[field]])
        })
    }
}

/// An error and whose it is: the record's number, the column's.
type Placed = ((usize, usize), Error);

/// Gives each of `columns`, by the column's place in the file, its field of every record; how many records there are.
///
/// # Errors
/// The first in the file of: a record that cannot be read, those of the columns.
pub(super) fn read<T: TakesFields>(rows: &dyn Rows, columns: &mut [(usize, T)]) -> Result<usize> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(columns.len().max(1));
    let share = columns.len().div_ceil(threads).max(1);
    let mut records = 0;
    let mut errors: Vec<Placed> = vec![];
    thread::scope(|scope| {
        let (mut workers, mut senders) = (vec![], vec![]);
        let mut columns = Some(columns);
        let mut batch = Batch::from(0);
        // Whoever has met an error takes no more: what follows it is of no interest.
        let mut stopped = false;
        let mut hand_on = |batch: Batch| {
            // With the first batch that is full: a small file is not worth a thread.
            for share in columns.take().into_iter().flat_map(|columns| columns.chunks_mut(share)) {
                let (sender, receiver) = sync_channel(BATCHES);
                senders.push(sender);
                workers.push(scope.spawn(move || take_all(rows, &receiver, share)));
            }
            let batch = Arc::new(batch);
            senders.iter().all(|sender| sender.send(batch.clone()).is_ok())
        };
        let read = rows.each(&mut |record, at| {
            batch.push(record?, at);
            records += 1;
            if batch.bytes.len() >= BATCH_BYTES
                && !hand_on(std::mem::replace(&mut batch, Batch::from(records)))
            {
                stopped = true;
                return Err(Error::data("a column"));
            }
            Ok(())
        });
        if batch.first > 0 {
            hand_on(batch);
        } else {
            errors.extend(columns.take().and_then(|columns| take(rows, &batch, columns)));
        }
        drop(senders);
        errors.extend(read.err().filter(|_| !stopped).map(|error| ((records, 0), error)));
        for worker in workers {
            match worker.join() {
                Ok(error) => errors.extend(error),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    match errors.into_iter().min_by_key(|(whose, _)| *whose) {
        Some((_, error)) => Err(error),
        None => Ok(records),
    }
}

/// Gives a thread's columns their fields, to the end or to the first error.
fn take_all<T: TakesFields>(
    rows: &dyn Rows,
    batches: &Receiver<Arc<Batch>>,
    columns: &mut [(usize, T)],
) -> Option<Placed> {
    batches.iter().find_map(|batch| take(rows, &batch, columns))
}

/// Gives `columns` the fields of a batch, one column after another: a column stays in the cache meanwhile, and a
/// batch does. The first error in the file.
fn take<T: TakesFields>(rows: &dyn Rows, batch: &Batch, columns: &mut [(usize, T)]) -> Option<Placed> {
    let errors = columns.iter_mut().filter_map(|(column, takes)| {
        (batch.first..).zip(batch.fields(*column)).find_map(|(number, (at, field))| {
            let taken = takes.take_field(field, &|| rows.place(at));
            taken.err().map(|error| ((number, *column), error))
        })
    });
    errors.min_by_key(|(whose, _)| *whose)
}
