//! Where a configuration is looked for, and the order in which its layers are laid.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::environment::Variables;
use super::fault::Fault;
use super::layers::{Layers, Setting, Source};
use super::raw::Raw;
use super::{FILE_NAME, Flags, overlay, variable_of};

/// The file that was read, the settings as written, where each comes from, and what was wrong.
type Read = (Option<PathBuf>, Raw, BTreeMap<String, Setting>, Vec<Fault>);

pub(super) fn read(flags: &Flags, variables: &Variables) -> Read {
    let mut layers = Layers::defaults();
    let file = find_file(flags, variables);
    if let Some(path) = &file {
        match std::fs::read_to_string(path) {
            Ok(text) => layers.file(path, &text),
            Err(error) => layers.fault(Fault::new(
                path.display().to_string(),
                format!("the configuration file cannot be read: {error}"),
                "Name another with --config, or make one with `portcullis init`.",
            )),
        }
    }
    overlay::lay(variables, &mut layers);
    for (name, value) in &flags.settings {
        layers.text(name, value, Source::Flag);
    }
    let (raw, settings, faults) = layers.finish();
    (file, raw, settings, faults)
}

/// The named file, else the one in the data folder if it is there.
fn find_file(flags: &Flags, variables: &Variables) -> Option<PathBuf> {
    let (folder, named) = named_places(flags, variables);
    named.or_else(|| Some(folder.join(FILE_NAME)).filter(|file| file.exists()))
}

/// The data folder and the configuration file that flags and variables name, before any file is read.
#[must_use]
pub fn named_places(flags: &Flags, variables: &Variables) -> (PathBuf, Option<PathBuf>) {
    let file = flags.config.clone().or_else(|| variables.get(overlay::CONFIG_VARIABLE).map(PathBuf::from));
    let flag = flags.settings.iter().rfind(|(name, _)| name == "data_dir").map(|(_, value)| value.as_str());
    let default = Raw::default().data_dir;
    let folder = flag.or_else(|| variables.get(&variable_of("data_dir"))).unwrap_or(&default);
    (PathBuf::from(folder), file)
}
