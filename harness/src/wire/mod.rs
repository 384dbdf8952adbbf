//! The wire layer: every link of a run goes through a proxy of the harness.
