//! Reports of three cases: a compromise with everything in it, a clean folder, and one whose every
//! string is hostile.

mod cases;
mod export;
mod html;
mod json;
mod sarif;
mod text;
