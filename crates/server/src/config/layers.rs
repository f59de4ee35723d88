//! Default, file, variables, flags: laid over one another setting by setting, so that each value knows where it
//! came from and every misspelt name or wrong type is found in one pass. What a value means is not known here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;
use toml::{Table, Value};

use super::fault::Fault;
use super::nearest::nearest;
use super::raw::Raw;

/// Where the value in force comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Nobody set it.
    Default,
    /// The configuration file.
    File(PathBuf),
    /// An environment variable.
    Variable(String),
    /// A command line flag.
    Flag,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Variable(name) => write!(f, "variable {name}"),
            Self::Flag => f.write_str("flag"),
        }
    }
}

/// One setting in force.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// The value.
    pub value: Value,
    /// Where it comes from.
    pub source: Source,
}

/// Every setting by its path (`limits.concurrent`), and what was wrong on the way.
#[derive(Debug)]
pub struct Layers {
    settings: BTreeMap<String, Setting>,
    faults: Vec<Fault>,
}

impl Layers {
    /// The defaults alone.
    #[must_use]
    pub fn defaults() -> Self {
        let mut layers = Self { settings: BTreeMap::new(), faults: Vec::new() };
        match Table::try_from(Raw::default()) {
            Ok(table) => flatten("", table, &mut |path, value| {
                layers.settings.insert(path, Setting { value, source: Source::Default });
            }),
            Err(error) => {
                layers.faults.push(Fault::new("defaults", error.to_string(), "Report this defect."))
            }
        }
        layers
    }

    /// Lays the text of a configuration file over what is there.
    pub fn file(&mut self, path: &std::path::Path, text: &str) {
        let table = match toml::from_str::<Table>(text) {
            Ok(table) => table,
            Err(error) => {
                let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
                let subject = format!("{}, line {line}", path.display());
                self.faults.push(Fault::new(subject, error.message(), "Correct the TOML syntax."));
                return;
            }
        };
        let mut leaves = Vec::new();
        flatten("", table, &mut |name, value| leaves.push((name, value)));
        for (name, value) in leaves {
            let source = Source::File(path.to_owned());
            match self.settings.get(&name) {
                None => self.unknown(&name, &path.display().to_string()),
                Some(known) if !same_shape(&known.value, &value) => self.wrong_type(&name, &source),
                Some(_) => drop(self.settings.insert(name, Setting { value, source })),
            }
        }
    }

    /// Lays one value written as text (a variable or a flag) over what is there.
    pub fn text(&mut self, name: &str, text: &str, source: Source) {
        let Some(known) = self.settings.get(name) else { return self.unknown(name, &source.to_string()) };
        let value = match &known.value {
            Value::Integer(_) => text.trim().parse().ok().map(Value::Integer),
            Value::Array(_) => Some(Value::Array(
                text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(Value::from).collect(),
            )),
            _ => Some(Value::String(text.to_owned())),
        };
        match value.filter(|value| !matches!(value, Value::Integer(number) if *number < 0)) {
            Some(value) => drop(self.settings.insert(name.to_owned(), Setting { value, source })),
            None => self.wrong_type(name, &source),
        }
    }

    /// The paths of all settings.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.settings.keys().map(String::as_str)
    }

    /// Every setting in force.
    #[must_use]
    pub fn settings(&self) -> &BTreeMap<String, Setting> {
        &self.settings
    }

    /// Adds a fault found elsewhere.
    pub fn fault(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    /// The settings as one document, and every fault so far.
    #[must_use]
    pub fn finish(self) -> (Raw, BTreeMap<String, Setting>, Vec<Fault>) {
        let mut faults = self.faults;
        let mut document = Table::new();
        for (path, setting) in &self.settings {
            let (section, name) = path.split_once('.').unwrap_or(("", path));
            let table = if section.is_empty() {
                &mut document
            } else {
                let entry = document.entry(section).or_insert_with(|| Value::Table(Table::new()));
                let Value::Table(table) = entry else { continue };
                table
            };
            table.insert(name.to_owned(), setting.value.clone());
        }
        let raw = Raw::deserialize(document).unwrap_or_else(|error| {
            faults.push(Fault::new("configuration", error.message(), "See `portcullis config schema`."));
            Raw::default()
        });
        (raw, self.settings, faults)
    }

    fn unknown(&mut self, name: &str, place: &str) {
        let sections: BTreeSet<&str> = self.names().filter_map(|path| path.split('.').next()).collect();
        let hint = nearest(name, self.names().chain(sections)).map_or_else(
            || "Remove it; `portcullis config default` lists every setting.".to_owned(),
            |known| format!("Did you mean `{known}`?"),
        );
        self.fault(Fault::new(name, format!("no such setting ({place})"), hint));
    }

    fn wrong_type(&mut self, name: &str, source: &Source) {
        let wanted = match self.settings.get(name).map(|known| &known.value) {
            Some(Value::Integer(_)) => "a whole number that is not negative",
            Some(Value::Array(_)) => "a list of texts",
            _ => "a text",
        };
        self.fault(Fault::new(
            name,
            format!("the value has the wrong type ({source})"),
            format!("Give {wanted}."),
        ));
    }
}

/// Calls `leaf` with the path and value of everything that is not a table; a table where a leaf belongs is passed
/// on as it is, for the type check to refuse.
fn flatten(prefix: &str, table: Table, leaf: &mut impl FnMut(String, Value)) {
    for (name, value) in table {
        let path = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
        match value {
            Value::Table(inner) if !path.contains('.') => flatten(&path, inner, leaf),
            other => leaf(path, other),
        }
    }
}

fn same_shape(known: &Value, given: &Value) -> bool {
    match (known, given) {
        (Value::Integer(_), Value::Integer(number)) => *number >= 0,
        (Value::Array(_), Value::Array(items)) => items.iter().all(Value::is_str),
        (known, given) => known.same_type(given),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn faults_of(text: &str) -> Vec<String> {
        let mut layers = Layers::defaults();
        layers.file(Path::new("p.toml"), text);
        layers.finish().2.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_slip_of_a_file_is_listed_at_once() {
        let faults = faults_of(
            "enviroment = 'x'\nlog = 3\n[limits]\nconcurent = 5\nburst_per_second = 'ten'\nbody_bytes = -1\n\
             [egress]\nallow = [1]\n[limits.concurrent]\nx = 1\n[foo]\nbar = 1\n",
        );
        assert_eq!(faults.len(), 8, "{faults:#?}");
        let said = faults.join("\n");
        for part in ["`environment`", "`limits.concurrent`", "list of texts", "foo.bar: no such setting"] {
            assert!(said.contains(part), "{part} is missing in {said}");
        }
    }

    #[test]
    fn a_syntax_error_names_its_line() {
        assert!(faults_of("[log]\nlevel = \n").join("").starts_with("p.toml, line 2: "));
    }

    #[test]
    fn later_layers_win_and_say_so() {
        let mut layers = Layers::defaults();
        layers.file(Path::new("p.toml"), "[limits]\nconcurrent = 5\nbody_bytes = 7\n");
        layers.text("limits.concurrent", "6", Source::Variable("V".to_owned()));
        layers.text("egress.allow", " a:1 , b:2 ", Source::Flag);
        let (raw, settings, faults) = layers.finish();
        assert_eq!(faults, []);
        assert_eq!((raw.limits.concurrent, raw.limits.body_bytes), (6, 7));
        assert_eq!(raw.egress.allow, ["a:1", "b:2"]);
        let source = |name: &str| settings[name].source.to_string();
        assert_eq!(source("limits.concurrent"), "variable V");
        assert_eq!(source("limits.body_bytes"), "file p.toml");
        assert_eq!(source("egress.allow"), "flag");
        assert_eq!(source("log.level"), "default");
    }
}
