//! Sums, scalings, slices and orders of whole tensors, of no layer in particular.

pub(super) mod add;
pub(super) mod concat;
pub(super) mod reduce;
pub(super) mod row_slice;
pub(super) mod scale;
pub(super) mod sort_rows;
pub(super) mod sum_parts;
