//! The sections of the page, one per file, each with its template.

pub(crate) mod coverage;
pub(crate) mod faults;
pub(crate) mod promises;
pub(crate) mod run;
pub(crate) mod subjects;
pub(crate) mod timeline;
pub(crate) mod verdict;
pub(crate) mod windows;
