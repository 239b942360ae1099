//! Loads Compose files: the parts of their services that decide what is built.
//!
//! Files are loaded as compose-go loads them: variables are replaced, then `include` and `extends`
//! are applied, then later files override earlier ones, with `!reset` and `!override`. Files are
//! read through [`Files`], so the caller decides which files may be read.

mod build;
mod dotenv;
mod extends;
mod include;
mod interpolate;
mod load;
mod paths;
mod scalar;
mod value;

use std::rc::Rc;

use super::located::TextPlace;
use super::unknown::Unknowns;

pub use build::{ComposeBuild, ServiceUlimit};
pub use dotenv::{DotenvError, parse as parse_dotenv};
pub use interpolate::interpolate;
pub use load::load;

/// Reads files by path.
pub trait Files {
    /// Reads a file; returns its text and its number in locations.
    fn read(&self, path: &str) -> Option<(Rc<str>, u32)>;
    /// Reads a file of variables, which git may ignore.
    fn read_variables(&self, path: &str) -> Option<Rc<str>>;
}

/// How files are loaded.
pub struct ComposeOptions<'o> {
    /// Looks up a variable of the environment, or of the project's `.env` file.
    pub lookup: &'o dyn Fn(&str) -> Option<String>,
    /// Set if variables without a value are unknown instead of empty. Errors in variables, and
    /// files that cannot be read, are then ignored.
    pub unknowns: Option<&'o Unknowns>,
    /// The project directory, if it is not the directory of the first file.
    pub directory: Option<&'o str>,
}

/// Why a project could not be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComposeError {
    pub file: String,
    /// The line, from 1; 0 if unknown.
    pub line: u32,
    pub message: String,
}

/// A service.
#[derive(Debug, Clone, Default)]
pub struct Service {
    pub name: String,
    pub place: TextPlace,
    /// Its build section; `None` for an image that is pulled.
    pub build: Option<ComposeBuild>,
    pub image: Option<String>,
    /// The platform of its containers; an image is built for it unless the build section says
    /// otherwise.
    pub platform: Option<String>,
    /// The profiles that enable it; without profiles, it is always enabled.
    pub profiles: Vec<String>,
    pub depends_on: Vec<String>,
    /// The environment of its containers; bake takes values of build arguments from it.
    pub environment: Vec<(String, Option<String>)>,
}

/// The services of a project.
#[derive(Debug, Clone, Default)]
pub struct Project {
    /// The services in the order of the files.
    pub services: Vec<Service>,
    /// The directory for relative paths.
    pub directory: String,
    /// The files that others include.
    pub included: Vec<String>,
}
