//! Every setting as a person looks it up.
