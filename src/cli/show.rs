//! `show`: one ref, its steps and layers.
