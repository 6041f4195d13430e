//! A tensor's shape, and how its rows lie in memory.

/// An element's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DType {
    /// 32-bit floats: values, parameters, gradients.
    F32,
    /// 32-bit whole numbers: labels, row numbers, counters, packed bits.
    U32,
}

/// A matrix `[rows, cols]` a replica, `[R, rows, cols]` in all.
///
/// Layout in memory: f32 rows occupy [`pitch`](Self::pitch) elements, the columns rounded up to a
/// multiple of 4, and the padding is always zero, so every kernel may load whole `vec4`s and sum
/// over the padding. u32 rows are dense. The plan makes some tensors columns of a wider one, whose pitch they
/// then have ([`Op::reads_columns`](super::Op::reads_columns)); they begin at a multiple of 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tensor {
    /// Rows of a replica: of a batch's tensor, its records.
    pub rows: usize,
    /// Columns, padding not counted.
    pub cols: usize,
    /// What an element is.
    pub dtype: DType,
    /// One copy for all replicas (resident data) instead of one each.
    pub shared: bool,
    /// The pitch of the tensor that these are columns of; of a whole tensor none.
    pub(super) wider: Option<usize>,
}

impl Tensor {
    /// An f32 matrix of every replica.
    pub fn f32(rows: usize, cols: usize) -> Self {
        Tensor { rows, cols, dtype: DType::F32, shared: false, wider: None }
    }

    /// A u32 matrix of every replica.
    pub fn u32(rows: usize, cols: usize) -> Self {
        Tensor { rows, cols, dtype: DType::U32, shared: false, wider: None }
    }

    /// The same matrix for all replicas.
    #[must_use]
    pub fn shared(self) -> Self {
        Tensor { shared: true, ..self }
    }

    /// The same matrix as columns of `whole`, which has as many rows.
    #[must_use]
    pub(super) fn within(self, whole: &Tensor) -> Self {
        Tensor { wider: Some(whole.pitch()), ..self }
    }

    /// Elements from one row to the next.
    pub fn pitch(&self) -> usize {
        self.wider.unwrap_or(self.row())
    }

    /// Elements of a row, padding included.
    fn row(&self) -> usize {
        match self.dtype {
            DType::F32 => self.cols.next_multiple_of(4),
            DType::U32 => self.cols,
        }
    }

    /// Elements of one replica, padding included, those of a wider tensor's other columns not.
    pub fn elements(&self) -> usize {
        self.rows * self.row()
    }
}

impl std::fmt::Display for Tensor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let dtype = if self.dtype == DType::F32 { "f32" } else { "u32" };
        write!(f, "{dtype} [{}, {}]", self.rows, self.cols)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f32_rows_are_padded_and_u32_rows_are_not() {
        assert_eq!(Tensor::f32(3, 5).elements(), 24);
        assert_eq!(Tensor::u32(3, 5).elements(), 15);
    }

    #[test]
    fn columns_have_the_wider_tensors_rows_and_their_own_elements() {
        let part = Tensor::f32(3, 5).within(&Tensor::f32(3, 13));
        assert_eq!((part.pitch(), part.elements()), (16, 24));
    }
}
