//! From resident data to a batch and back: rows gathered, numbers of a step read, results stored.

pub(super) mod gather_images;
pub(super) mod gather_ones;
pub(super) mod gather_rows;
pub(super) mod one_hot;
pub(super) mod rows_from;
pub(super) mod store_rows;
pub(super) mod tape;
