//! `PORTCULLIS_*` variables as settings. A name nobody knows is a fault, since it is most likely a slip; those that
//! an orchestrator injects for a service of the same name are let be.

use std::collections::BTreeMap;

use super::environment::Variables;
use super::fault::Fault;
use super::layers::{Layers, Source};
use super::nearest::nearest;
use super::reference::Reference;

/// What every variable of ours begins with.
pub const PREFIX: &str = "PORTCULLIS_";
/// The variable that names the configuration file.
pub const CONFIG_VARIABLE: &str = "PORTCULLIS_CONFIG";

/// Short names, with and without the prefix, and the setting they stand for.
const ALIASES: [(&str, &str); 2] = [
    ("ENCRYPTION_KEYS", "secrets.encryption_keys"),
    ("RATE_LIMIT_DEFAULT_RPM", "limits.requests_per_minute"),
];

/// The variable of a setting.
#[must_use]
pub fn variable_of(setting: &str) -> String {
    format!("{PREFIX}{}", setting.replace('.', "_").to_ascii_uppercase())
}

/// Lays the variables over what is there.
pub fn lay(variables: &Variables, layers: &mut Layers) {
    let known: BTreeMap<String, String> =
        layers.names().map(|setting| (variable_of(setting), setting.to_owned())).collect();
    for (short, setting) in ALIASES {
        alias(variables, short, setting, layers);
    }
    for (name, value) in variables.iter() {
        if let Some(setting) = known.get(name) {
            layers.text(setting, value, Source::Variable(name.to_owned()));
        }
    }
    for name in variables.unreadable().iter().filter(|name| name.starts_with(PREFIX)) {
        layers.fault(Fault::new(name, "the value is not UTF-8", "Set it to plain text."));
    }
    let referenced = referenced(layers);
    for (name, value) in variables.iter().filter(|(name, _)| name.starts_with(PREFIX)) {
        let understood = known.contains_key(name)
            || name == CONFIG_VARIABLE
            || referenced.iter().any(|reference| reference == name)
            || ALIASES.iter().any(|(short, _)| name.strip_prefix(PREFIX) == Some(short))
            || is_service_link(name, value);
        if !understood {
            let hint = nearest(name, known.keys().map(String::as_str)).map_or_else(
                || "Unset it; `portcullis config check` lists every setting.".to_owned(),
                |known| format!("Did you mean `{known}`?"),
            );
            layers.fault(Fault::new(name, "no setting has this variable", hint));
        }
    }
}

/// Applies one short name, unless two spellings contradict each other.
fn alias(variables: &Variables, short: &str, setting: &str, layers: &mut Layers) {
    let long = variable_of(setting);
    let prefixed = format!("{PREFIX}{short}");
    let spellings = [short, &prefixed, &long];
    let set: Vec<&str> = spellings.into_iter().filter(|name| variables.get(name).is_some()).collect();
    match set.as_slice() {
        [first, second, ..] => layers.fault(Fault::new(
            setting,
            format!("{first} and {second} both set it"),
            format!("Keep {long} and unset the other."),
        )),
        [name] if **name != *long => {
            let value = variables.get(name).unwrap_or_default();
            // The short name of the keyring may hold the keys themselves; they stay where they are.
            let in_place = setting == "secrets.encryption_keys"
                && value.split(',').any(|item| item.trim().parse::<Reference>().is_err());
            let text = if in_place { format!("env:{name}") } else { value.to_owned() };
            layers.text(setting, &text, Source::Variable((*name).to_owned()));
        }
        _ => {}
    }
}

/// The variables that hold secrets by reference.
fn referenced(layers: &Layers) -> Vec<String> {
    let texts = layers.settings().iter().filter(|(name, _)| {
        name.starts_with("secrets.") || ["mail.password", "transit.token"].contains(&name.as_str())
    });
    texts
        .flat_map(|(_, setting)| match &setting.value {
            toml::Value::Array(items) => items.clone(),
            one => vec![one.clone()],
        })
        .filter_map(|value| match value.as_str()?.parse() {
            Ok(Reference::Variable(name)) => Some(name),
            _ => None,
        })
        .collect()
}

/// Whether Kubernetes injected it for a service named `portcullis` or `portcullis-…`
/// (<https://kubernetes.io/docs/tutorials/services/connect-applications-service/#environment-variables>).
fn is_service_link(name: &str, value: &str) -> bool {
    let protocol =
        |value: &str| ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme));
    let per_port = ["_TCP", "_UDP", "_SCTP"].iter().any(|word| {
        name.split_once(word).is_some_and(|(head, tail)| {
            let digits = head.rsplit_once("_PORT_").map(|(_, digits)| digits);
            let number = digits.is_some_and(|d| !d.is_empty() && d.bytes().all(|byte| byte.is_ascii_digit()));
            number && ["", "_ADDR", "_PORT", "_PROTO"].contains(&tail)
        })
    });
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || (name.ends_with("_PORT") && protocol(value))
        || per_port
}

#[cfg(test)]
mod tests {
    use super::*;

    fn laid<const N: usize>(pairs: [(&str, &str); N]) -> (super::super::raw::Raw, Vec<String>) {
        let mut layers = Layers::defaults();
        lay(&Variables::from(pairs), &mut layers);
        let (raw, _, faults) = layers.finish();
        (raw, faults.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn names_follow_from_paths() {
        let (raw, faults) = laid([
            ("PORTCULLIS_LISTEN_PUBLIC", "0.0.0.0:80"),
            ("PORTCULLIS_LIMITS_REQUESTS_PER_MINUTE", "600"),
            ("PORTCULLIS_EGRESS_ALLOW", "10.0.0.5:8000,gpu.internal"),
            ("PORTCULLIS_CONFIG", "/etc/p.toml"),
            ("HOME", "/root"),
        ]);
        assert_eq!(faults, [""; 0]);
        assert_eq!(raw.listen.public, "0.0.0.0:80");
        assert_eq!(raw.limits.requests_per_minute, 600);
        assert_eq!(raw.egress.allow, ["10.0.0.5:8000", "gpu.internal"]);
    }

    #[test]
    fn a_misspelt_name_is_told_the_nearest() {
        let (_, faults) = laid([("PORTCULLIS_LISTEN_PUBLC", "x"), ("PORTCULLIS_LIMITS_CONCURRENT", "many")]);
        assert_eq!(faults.len(), 2);
        assert!(
            faults.iter().any(|fault| fault.contains("Did you mean `PORTCULLIS_LISTEN_PUBLIC`?")),
            "{faults:?}"
        );
    }

    #[test]
    fn short_names_work_and_may_hold_keys_in_place() {
        let (raw, faults) =
            laid([("RATE_LIMIT_DEFAULT_RPM", "5"), ("PORTCULLIS_ENCRYPTION_KEYS", "QUJD,REVG")]);
        assert_eq!(faults, [""; 0]);
        assert_eq!(raw.limits.requests_per_minute, 5);
        assert_eq!(raw.secrets.encryption_keys, ["env:PORTCULLIS_ENCRYPTION_KEYS"]);
        let (raw, _) = laid([("ENCRYPTION_KEYS", "file:new.key,env:OLD_KEY")]);
        assert_eq!(raw.secrets.encryption_keys, ["file:new.key", "env:OLD_KEY"]);
        let (_, faults) = laid([("RATE_LIMIT_DEFAULT_RPM", "5"), ("PORTCULLIS_RATE_LIMIT_DEFAULT_RPM", "6")]);
        assert!(faults[0].contains("both set it"), "{faults:?}");
    }

    #[test]
    fn a_referenced_variable_is_no_stranger() {
        let (_, faults) =
            laid([("PORTCULLIS_SECRETS_PEPPER", "env:PORTCULLIS_PEPPER"), ("PORTCULLIS_PEPPER", "x")]);
        assert_eq!(faults, [""; 0]);
    }

    #[test]
    fn injected_service_links_are_let_be() {
        let (_, faults) = laid([
            ("PORTCULLIS_SERVICE_HOST", "10.0.0.1"),
            ("PORTCULLIS_SERVICE_PORT_HTTP", "8080"),
            ("PORTCULLIS_PORT", "tcp://10.0.0.1:8080"),
            ("PORTCULLIS_PORT_8080_TCP_ADDR", "10.0.0.1"),
            ("PORTCULLIS_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
        ]);
        assert_eq!(faults, [""; 0]);
    }
}
