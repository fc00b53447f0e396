//! Line numbers of instructions.
