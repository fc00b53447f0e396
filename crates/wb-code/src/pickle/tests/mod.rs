//! Tests of the pickle machine, on opcodes written by hand and on pickles made by `python3`.

mod machine;
