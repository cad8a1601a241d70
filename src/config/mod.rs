//! Configuration: YAML shapes, their validation and the valid model; the only layer that reads configuration files.

pub mod model;
