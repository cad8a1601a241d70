//! Problems found in configuration files: where, which setting and what was expected; never how they were found.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The file it is in.
    pub file: PathBuf,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The setting, e.g. `plans.standard.rate.burst`; empty where the file as a whole is meant.
    pub path: String,
    /// What was expected there; never a secret's value.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        write!(f, "{file}:{}:{}: ", self.line, self.column)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

/// Everything that is wrong, file by file in the order of lines; never empty where it is an error.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Report {
    /// The problems, at most [`MAX_PROBLEMS`].
    pub problems: Vec<Problem>,
    /// How many more there are.
    pub omitted: usize,
}

/// Problems of one report: more of them help nobody, and a file of any size stays cheap to refuse.
pub const MAX_PROBLEMS: usize = 500;

impl Report {
    /// Sorts each file's problems by place and drops repetitions; files keep the order in which they were read.
    pub(super) fn tidy(&mut self) {
        let mut files: Vec<PathBuf> = Vec::new();
        for p in &self.problems {
            if !files.contains(&p.file) {
                files.push(p.file.clone());
            }
        }
        let rank = |p: &Problem| files.iter().position(|f| *f == p.file);
        self.problems
            .sort_by_key(|p| (rank(p), p.line, p.column, p.path.clone()));
        self.problems.dedup();
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, p) in self.problems.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            p.fmt(f)?;
        }
        if self.omitted > 0 {
            write!(f, "\nand {} more", self.omitted)?;
        }
        Ok(())
    }
}

impl std::error::Error for Report {}
