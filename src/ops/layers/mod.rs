//! What networks are made of: forward and backward of each layer in one file.

pub(super) mod activation;
pub(super) mod conv2d;
pub(super) mod dense;
pub(super) mod dense_ones;
pub(super) mod dropout;
pub(super) mod geometry;
pub(super) mod label_layer;
pub(super) mod moments;
pub(super) mod norm_relu;
pub(super) mod pool;
pub(super) mod softmax;
mod tiles;
