//! The one loop: a compiled graph whose runs walk over tapes, with its step counter and its pace; where
//! records are scored, with the table that takes the results.
//!
//! The game, the audit's attack networks and evaluation stand on it. What is written to the tapes is checked
//! here, once, for kernels do not check it again. Not what the lines mean: their writers know that.

use super::pace::{Pace, Portion};
use crate::error::{Error, Result};
use crate::gpu::{Buffer, Context};
use crate::graph::{Graph, NodeId, Tensor};
use crate::ops::{Advance, PADDING, StoreRows, Tape};
use crate::plan::{Bound, Plan, Timed};
use std::sync::atomic::AtomicBool;

/// The nodes of a graph by which its runs walk over tapes, each tape `lines` long, a line a run.
#[derive(Debug, Clone)]
pub struct Tapes {
    /// u32 `[1, 1]`: the line.
    pub counter: NodeId,
    /// u32 `[lines, records + …]`: record numbers, then what else a run has to know.
    pub rows: NodeId,
    /// The bits of f32, `[lines, …]`.
    pub scalars: Option<NodeId>,
    /// u32 `[lines, …]`: keys of random numbers.
    pub keys: Option<NodeId>,
    lines: usize,
    /// Words at the beginning of a line of rows that are record numbers.
    records: usize,
    /// Whether [`PADDING`] is a record number too: what follows then must not count it.
    padding: bool,
}

impl Tapes {
    /// Adds the counter and a tape of rows to `graph`: `records` record numbers and `more` other words a
    /// line. The second result is a run's line, u32 `[records + more, 1]`.
    ///
    /// # Errors
    /// Shapes that do not fit, a bug.
    pub fn new(graph: &mut Graph, lines: usize, records: usize, more: usize) -> Result<(Self, NodeId)> {
        let counter = graph.state("step counter", Tensor::u32(1, 1));
        let rows = graph.input("tape of rows", Tensor::u32(lines, records + more));
        let line = graph.apply(Tape { line: Tensor::u32(records + more, 1) }, &[rows, counter])?;
        let tapes = Tapes { counter, rows, scalars: None, keys: None, lines, records, padding: false };
        Ok((tapes, line))
    }

    /// [`new`](Self::new) for a graph that scores `records` records a line, [`PADDING`] among them: their
    /// lists need not fill the lines.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn scoring(graph: &mut Graph, lines: usize, records: usize) -> Result<(Self, NodeId)> {
        let (tapes, line) = Self::new(graph, lines, records, 0)?;
        Ok((Tapes { padding: true, ..tapes }, line))
    }

    /// Adds a tape of scalars, and gives a run's `line`, f32 `[1, N]`.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn scalars(&mut self, graph: &mut Graph, line: Tensor) -> Result<NodeId> {
        let tape = graph.input("tape of scalars", Tensor::u32(self.lines, line.elements()));
        self.scalars = Some(tape);
        graph.apply(Tape { line }, &[tape, self.counter])
    }

    /// Adds a tape of keys, and gives a run's line, u32 `[words, 1]`.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn keys(&mut self, graph: &mut Graph, words: usize) -> Result<NodeId> {
        let tape = graph.input("tape of keys", Tensor::u32(self.lines, words));
        self.keys = Some(tape);
        graph.apply(Tape { line: Tensor::u32(words, 1) }, &[tape, self.counter])
    }

    /// The end of a run: the next one takes the next line.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn advance(&self, graph: &mut Graph) -> Result<()> {
        graph.update(Advance, &[self.counter]).map(|_| ())
    }
}

/// The words of all tapes: the lines of the first replica, then those of the second, ….
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TapeWords {
    /// Those of the tape of rows.
    pub rows: Vec<u32>,
    /// Those of the tape of scalars; none where there is no such tape.
    pub scalars: Vec<f32>,
    /// Those of the tape of keys; none where there is no such tape.
    pub keys: Vec<u32>,
}

/// A tape on the GPU.
#[derive(Debug)]
struct TapeBuffer {
    buffer: Buffer,
    /// Of a line.
    words: usize,
}

/// A compiled graph whose runs walk over tapes.
#[derive(Debug)]
pub struct Steps {
    plan: Plan,
    replicas: usize,
    counter: Buffer,
    rows: TapeBuffer,
    scalars: Option<TapeBuffer>,
    keys: Option<TapeBuffer>,
    lines: usize,
    /// Words at the beginning of a line of rows that are record numbers.
    width: usize,
    /// How many records there are.
    records: usize,
    /// As in [`Tapes`].
    padding: bool,
    /// Lines that the next runs may take.
    left: usize,
    portion: Portion,
}

impl Steps {
    /// Compiles `graph` for `replicas` models on data of so many `records`. `bound` holds its memory but the
    /// tapes'; `outputs` are read afterwards ([`Steps::result`]).
    ///
    /// # Errors
    /// Memory of another size than its tensor, sizes beyond the adapter's limits or memory, a shader that
    /// does not build.
    pub fn compile(
        context: &Context,
        graph: &Graph,
        tapes: &Tapes,
        mut bound: Bound,
        [replicas, records]: [usize; 2],
        outputs: &[NodeId],
    ) -> Result<Self> {
        for (&id, buffer) in &bound {
            let node = graph.node(id);
            let copies = if node.tensor.shared { 1 } else { replicas };
            let bytes = 4 * (copies * node.tensor.elements()) as u64;
            if buffer.bytes < bytes {
                return Err(Error::graph(format!("memory of {}", node.label))
                    .expected(format!("{bytes} bytes for {replicas} replicas"))
                    .found(buffer.bytes.to_string()));
            }
        }
        let mut allocate = |id: NodeId| -> Result<TapeBuffer> {
            let node = graph.node(id);
            let buffer = context.allocate(&node.label, &node.tensor, replicas)?;
            bound.insert(id, buffer.clone());
            Ok(TapeBuffer { buffer, words: node.tensor.cols })
        };
        let rows = allocate(tapes.rows)?;
        let scalars = tapes.scalars.map(&mut allocate).transpose()?;
        let keys = tapes.keys.map(&mut allocate).transpose()?;
        let counter = allocate(tapes.counter)?.buffer;
        let plan = Plan::compile(context, graph, replicas, &bound, outputs)?;
        Ok(Steps {
            portion: Portion::unknown(&plan),
            plan,
            replicas,
            counter,
            rows,
            scalars,
            keys,
            lines: tapes.lines,
            width: tapes.records,
            records,
            padding: tapes.padding,
            left: 0,
        })
    }

    /// Fills the tapes of the first `replicas` replicas up to their length: an epoch may take fewer lines
    /// than the longest does.
    pub fn fill_up(&self, words: &mut TapeWords, replicas: usize) {
        let length = |tape: &TapeBuffer| replicas * self.lines * tape.words;
        words.rows.resize(length(&self.rows), 0);
        words.scalars.resize(self.scalars.as_ref().map_or(0, length), 0.0);
        words.keys.resize(self.keys.as_ref().map_or(0, length), 0);
    }

    /// Writes the tapes, as many lines for every replica as they have, and begins with the first of them.
    ///
    /// # Errors
    /// Another number of words than the tapes have; a record number that is not below the number of records
    /// ([`PADDING`] is none but where records are [scored](Tapes::scoring)).
    pub fn write(&mut self, context: &Context, words: &TapeWords) -> Result<()> {
        let tapes = [
            ("rows", words.rows.len(), Some(&self.rows)),
            ("scalars", words.scalars.len(), self.scalars.as_ref()),
            ("keys", words.keys.len(), self.keys.as_ref()),
        ];
        for (name, found, tape) in tapes {
            let expected = tape.map_or(0, |tape| self.replicas * self.lines * tape.words);
            if found != expected {
                return Err(Error::graph(format!("tape of {name}"))
                    .expected(format!("{expected} words: {} lines a replica", self.lines))
                    .found(found.to_string()));
            }
        }
        for line in words.rows.chunks_exact(self.rows.words) {
            self.check_rows(&line[..self.width])?;
        }
        context.write(&self.rows.buffer, 0, &words.rows)?;
        if let Some(tape) = &self.scalars {
            context.write_f32(&tape.buffer, 0, &words.scalars)?;
        }
        if let Some(tape) = &self.keys {
            context.write(&tape.buffer, 0, &words.keys)?;
        }
        self.rewind(context)
    }

    /// Refuses the first record number that the data do not have.
    fn check_rows(&self, rows: &[u32]) -> Result<()> {
        let known = |row: u32| (row as usize) < self.records || (self.padding && row == PADDING);
        match rows.iter().find(|&&row| !known(row)) {
            None => Ok(()),
            Some(row) => Err(Error::data("record number")
                .expected(format!("below {}, as many records as there are", self.records))
                .found(row.to_string())),
        }
    }

    /// Begins with the first line once more.
    ///
    /// # Errors
    /// As [`Context::write`].
    pub fn rewind(&mut self, context: &Context) -> Result<()> {
        context.write(&self.counter, 0, &vec![0; self.replicas])?;
        self.left = self.lines;
        Ok(())
    }

    /// Submits `runs` runs at `pace`, and tells `done` how many were submitted.
    ///
    /// # Errors
    /// More runs than there are lines left; as [`Pace::run`].
    pub fn run(&mut self, pace: &mut Pace, runs: usize, done: &mut dyn FnMut(usize)) -> Result<()> {
        self.left = self.left.checked_sub(runs).ok_or_else(|| {
            Error::graph("steps")
                .expected(format!("at most {} more, a line each", self.left))
                .found(runs.to_string())
        })?;
        pace.run(&self.plan, runs, &mut self.portion, done)
    }

    /// The memory of one of the `outputs`, `[R, elements]`.
    pub fn result(&self, output: NodeId) -> Option<&Buffer> {
        self.plan.place(output).map(|place| &place.buffer)
    }

    /// Lines of each tape, for a replica.
    pub fn lines(&self) -> usize {
        self.lines
    }

    /// Dispatches a run.
    pub fn dispatches(&self) -> usize {
        self.plan.dispatches()
    }

    /// GPU memory of intermediate results, in bytes.
    pub fn scratch_bytes(&self) -> u64 {
        self.plan.scratch_bytes()
    }

    /// Seconds of each dispatch of a run ([`Plan::profile`]). It changes the states.
    ///
    /// # Errors
    /// Tapes of a single line: a profile takes two. A lost device.
    pub fn profile(&mut self, context: &Context, repeats: usize) -> Result<Vec<Timed>> {
        if self.lines < 2 {
            return Err(Error::usage("profile").expected("at least 2 steps an epoch").found("1"));
        }
        self.rewind(context)?;
        let seconds = self.plan.profile(context, repeats);
        self.left = 0;
        seconds
    }
}

/// Forward passes over lists of records, their results in a table that is read back whole.
#[derive(Debug)]
pub struct ScoreTable {
    steps: Steps,
    table: Buffer,
    /// `[rows, C]`.
    tensor: Tensor,
    /// Records a run.
    batch: usize,
}

impl ScoreTable {
    /// Compiles `graph`, whose runs give `result` `[B, C]` of the B records of a line, with a table for all
    /// lines; the rest as for [`Steps::compile`].
    ///
    /// # Errors
    /// As [`Steps::compile`].
    pub fn compile(
        context: &Context,
        mut graph: Graph,
        tapes: &Tapes,
        result: NodeId,
        mut bound: Bound,
        [replicas, records]: [usize; 2],
    ) -> Result<Self> {
        let Tensor { rows: batch, cols, .. } = graph.tensor(result);
        let tensor = Tensor::f32(tapes.lines * batch, cols);
        let table = graph.state("table", tensor);
        let buffer = context.allocate("table of results", &tensor, replicas)?;
        bound.insert(table, buffer.clone());
        graph.update(StoreRows, &[table, result, tapes.counter])?;
        tapes.advance(&mut graph)?;
        let steps = Steps::compile(context, &graph, tapes, bound, [replicas, records], &[])?;
        Ok(ScoreTable { steps, table: buffer, tensor, batch })
    }

    /// The results `[N, C]` of `records`, N numbers for each replica, portion by portion as the tapes hold
    /// them.
    ///
    /// # Errors
    /// As [`Steps::write`] and [`Steps::run`].
    pub fn fill_all(
        &mut self,
        context: &Context,
        records: &[Vec<u32>],
        stop: &AtomicBool,
    ) -> Result<Vec<Vec<f32>>> {
        let portion = self.tensor.rows;
        let mut out: Vec<Vec<f32>> =
            records.iter().map(|r| Vec::with_capacity(r.len() * self.tensor.cols)).collect();
        for start in (0..longest(records)).step_by(portion) {
            let within = |r: &Vec<u32>| start.min(r.len())..(start + portion).min(r.len());
            let part: Vec<Vec<u32>> = records.iter().map(|r| r[within(r)].to_vec()).collect();
            let found = self.fill(context, &part, stop)?;
            out.iter_mut().zip(found).for_each(|(out, found)| out.extend(found));
        }
        Ok(out)
    }

    /// The results `[N, C]` of `records`, N numbers for each replica, as many as the tapes hold or fewer.
    ///
    /// # Errors
    /// As [`Steps::write`] and [`Steps::run`]; more records than the tapes hold.
    pub fn fill(
        &mut self,
        context: &Context,
        records: &[Vec<u32>],
        stop: &AtomicBool,
    ) -> Result<Vec<Vec<f32>>> {
        let rows = padded(records, self.tensor.rows)?;
        self.steps.write(context, &TapeWords { rows, ..TapeWords::default() })?;
        let runs = longest(records).div_ceil(self.batch);
        self.steps.run(&mut Pace::new(context, stop), runs, &mut |_| {})?;
        let (elements, pitch) = (self.tensor.elements(), self.tensor.pitch());
        let values = context.read_f32(&self.table, records.len() * elements)?;
        let tables = values.chunks_exact(elements).zip(records);
        Ok(tables
            .map(|(table, records)| {
                let rows = table.chunks_exact(pitch).take(records.len());
                rows.flat_map(|row| &row[..self.tensor.cols]).copied().collect()
            })
            .collect())
    }
}

/// The length of the longest of the replicas' lists.
pub fn longest(records: &[Vec<u32>]) -> usize {
    records.iter().map(Vec::len).max().unwrap_or(0)
}

/// The replicas' lists one after another, each padded to `length`.
///
/// # Errors
/// A longer list.
pub fn padded(records: &[Vec<u32>], length: usize) -> Result<Vec<u32>> {
    if longest(records) > length {
        return Err(Error::graph("tape of rows")
            .expected(format!("at most {length} records a replica"))
            .found(longest(records).to_string()));
    }
    let mut words = Vec::with_capacity(records.len() * length);
    for rows in records {
        words.extend(rows);
        words.resize(words.len() + length - rows.len(), PADDING);
    }
    Ok(words)
}
