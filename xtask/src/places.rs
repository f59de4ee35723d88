//! Where things are in the repository. Knows paths, not what is in them.

use std::path::{Path, PathBuf};

/// The folders and programs that the commands share.
pub struct Places {
    /// The repository.
    pub root: PathBuf,
}

impl Places {
    /// The repository that this program was built from.
    pub fn find() -> Self {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        Self { root: here.parent().unwrap_or(here).to_owned() }
    }

    /// The Python environment of the test suites, and of tools that come from PyPI.
    pub fn venv(&self) -> PathBuf {
        self.root.join(".venv")
    }

    /// A program of that environment.
    pub fn venv_program(&self, name: &str) -> PathBuf {
        self.venv().join("bin").join(name)
    }

    /// The Python environment of what walks the admin API.
    pub fn api_venv(&self) -> PathBuf {
        self.root.join(".venv-api")
    }

    /// The Python environment of the local model server: apart, because it is large and rarely needed.
    pub fn model_venv(&self) -> PathBuf {
        self.root.join(".venv-model")
    }

    /// The Python environment of the matrix: apart, because its clients bring many packages of their own.
    pub fn matrix_venv(&self) -> PathBuf {
        self.root.join(".venv-matrix")
    }

    /// The Node suite.
    pub fn node_suite(&self) -> PathBuf {
        self.root.join("tests/sdk/node")
    }

    /// The matrix of clients and upstreams.
    pub fn matrix(&self) -> PathBuf {
        self.root.join("tests/matrix")
    }

    /// The binary as the tests use it.
    pub fn debug_binary(&self) -> PathBuf {
        self.root.join("target/debug/portcullis")
    }

    /// The binary as users run it.
    pub fn release_binary(&self) -> PathBuf {
        self.root.join("target/release/portcullis")
    }
}
