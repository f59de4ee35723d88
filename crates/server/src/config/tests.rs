//! The configuration as a whole: precedence, places, and faults that come all at once.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn flags(pairs: &[(&str, &str)]) -> Flags {
    let settings = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Flags { config: None, settings }
}

fn load(pairs: &[(&str, &str)]) -> Result<Loaded, Faults> {
    Config::load(&flags(pairs), &Variables::default())
}

fn faults(pairs: &[(&str, &str)]) -> String {
    load(pairs).err().map(|faults| faults.to_string()).unwrap_or_default()
}

#[test]
fn the_defaults_are_a_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let config = load(&[("data_dir", folder.path().to_str().unwrap())]).unwrap().config;
    assert_eq!(config.environment, Environment::Development);
    assert_eq!(config.limits, Limits::default());
    assert_eq!(config.timeouts.connect, Duration::from_secs(5));
    assert_eq!(config.timeouts.whole, Duration::from_secs(600));
    assert_eq!(config.journal.sync, Sync::Every(Duration::from_secs(1)));
    assert_eq!(config.retries_per_target, 2);
    assert_eq!(config.catalog_file, None);
    assert_eq!(config.database(), folder.path().join("portcullis.db"));
}

#[test]
fn the_file_yields_to_variables_and_those_to_flags() {
    let folder = tempfile::tempdir().unwrap();
    let text = "data_dir = '.'\n[limits]\nconcurrent = 1\nburst_per_second = 1\nbody_bytes = 2048\n";
    std::fs::write(folder.path().join(FILE_NAME), text).unwrap();
    let variables = Variables::from([
        ("PORTCULLIS_DATA_DIR", folder.path().to_str().unwrap()),
        ("PORTCULLIS_LIMITS_CONCURRENT", "2"),
        ("PORTCULLIS_LIMITS_BURST_PER_SECOND", "2"),
    ]);
    let loaded = Config::load(&flags(&[("limits.concurrent", "3")]), &variables).unwrap();
    let limits = loaded.config.limits;
    assert_eq!((limits.concurrent, limits.burst_per_second, limits.body_bytes), (3, 2, 2048));
    assert_eq!(loaded.config.data_dir, folder.path());
    assert_eq!(loaded.file, Some(folder.path().join(FILE_NAME)));
}

#[test]
fn a_folder_named_in_a_file_is_relative_to_that_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gate.toml");
    std::fs::write(&file, "data_dir = 'data'\n").unwrap();
    let variables = Variables::from([("PORTCULLIS_CONFIG", file.to_str().unwrap())]);
    let config = Config::load(&Flags::default(), &variables).unwrap().config;
    assert_eq!(config.data_dir, folder.path().join("data"));
    std::fs::write(&file, "data_dir = '.'\n").unwrap();
    assert_eq!(Config::load(&Flags::default(), &variables).unwrap().config.data_dir, folder.path());
}

#[test]
fn a_named_file_must_be_there() {
    let named = Flags { config: Some(PathBuf::from("/nowhere/p.toml")), settings: Vec::new() };
    let said = Config::load(&named, &Variables::default()).unwrap_err().to_string();
    assert!(said.contains("/nowhere/p.toml: the configuration file cannot be read"), "{said}");
}

#[test]
fn every_value_out_of_its_range_is_refused_by_name() {
    for (name, value) in [
        ("environment", "staging"),
        ("listen.public", "localhost"),
        ("listen.admin", "127.0.0.1:8080"),
        ("secrets.encryption_keys", ""),
        ("limits.requests_per_minute", "0"),
        ("limits.body_bytes", "33554433"),
        ("timeouts.connect_ms", "0"),
        ("timeouts.write_ms", "0"),
        ("network.max_connections", "0"),
        ("network.max_connections_per_address", "0"),
        ("network.max_in_flight", "0"),
        ("tls.reload_ms", "0"),
        ("timeouts.whole_ms", "99999999999"),
        ("retries.per_target", "3"),
        ("journal.sync", "0s"),
        ("journal.sync", "often"),
        ("journal.segment_bytes", "1"),
        ("egress.allow", "not a host"),
        ("egress.tenant_allow", "not a host"),
        ("egress.provider_urls", "nobody=https://example.com/v1"),
        ("egress.provider_urls", "openai=http://example.com/v1"),
        ("egress.provider_urls", "openai=https://example.com/v1?x"),
        ("egress.extra_roots", "missing.pem"),
        ("catalog.file", "missing.toml"),
        ("log.format", "xml"),
        ("log.level", "gateway=loud"),
        // The parser of filters would panic.
        ("log.level", " 9 \u{95}\u{ae}\u{fffd}[[\t"),
        ("answers.max_bytes", "-5"),
        ("limits.nothing", "1"),
    ] {
        let said = faults(&[(name, value)]);
        assert!(said.starts_with(&format!("{name}: ")), "{name} = {value}: {said}");
    }
}

#[test]
fn a_certificate_comes_with_its_key_and_keeps_it_to_itself() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let data = ("data_dir", folder.path().to_str().unwrap());
    let both = [data, ("tls.certificate", "gate.pem"), ("tls.key", "gate.key")];
    assert!(faults(&both[..2]).starts_with("tls.key: "), "{}", faults(&both[..2]));
    assert!(faults(&[both[0], both[2]]).starts_with("tls.certificate: "));
    let said = faults(&both);
    assert!(said.contains("gate.pem cannot be read") && said.contains("gate.key cannot be read"), "{said}");
    for name in ["gate.pem", "gate.key"] {
        std::fs::write(folder.path().join(name), "").unwrap();
    }
    let rights = |mode| {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(folder.path().join("gate.key"), mode).unwrap();
    };
    rights(0o644);
    let tls = load(&both).unwrap().config.tls.unwrap();
    assert_eq!((tls.certificate, tls.reload), (folder.path().join("gate.pem"), Duration::from_secs(30)));
    let production = [both[0], both[1], both[2], ("environment", "production")];
    assert!(faults(&production).contains("mode 644"), "{}", faults(&production));
    rights(0o600);
    assert_eq!(faults(&production), "");
    assert_eq!(load(&[data]).unwrap().config.tls, None);
}

#[test]
fn faults_are_listed_all_at_once() {
    let said =
        faults(&[("environment", "x"), ("listen.public", "y"), ("retries.per_target", "9"), ("a.b", "c")]);
    assert!(said.starts_with("the configuration has 4 faults:\n  - "), "{said}");
}

#[test]
fn a_secret_written_where_a_reference_belongs_is_not_quoted() {
    let said = faults(&[("secrets.pepper", "TOPSECRETVALUE"), ("secrets.encryption_keys", "QUJDREVG")]);
    assert!(said.contains("secrets.pepper: it is not a reference"), "{said}");
    assert!(!said.contains("TOPSECRET") && !said.contains("QUJDREVG"), "{said}");
}

#[test]
fn production_keeps_the_admin_listener_inside() {
    let admin = |address: &str| faults(&[("environment", "production"), ("listen.admin", address)]);
    for outside in
        ["0.0.0.0:9000", "203.0.113.5:9000", "[::]:9000", "[2001:db8::1]:9000", "[::ffff:8.8.8.8]:9000"]
    {
        assert!(admin(outside).contains("reachable from outside"), "{outside}");
    }
    for inside in ["127.0.0.1:9000", "10.0.0.7:9000", "[::1]:9000", "[fd00::1]:9000"] {
        assert_eq!(admin(inside), "", "{inside}");
    }
    assert_eq!(faults(&[("listen.admin", "0.0.0.0:9000")]), "", "development is free");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_file_is_read_or_refused_with_words(
        place in any::<prop::sample::Index>(), damage in "[\\[\\]{}=.\"'#\n0-9a-z\u{e9}\u{0}]{0,6}", cut in 0usize..40,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let lines: Vec<&str> = DEFAULT_FILE.lines().filter(|line| !line.starts_with('#')).collect();
        let mut text = lines.join("\n");
        let place = place.index(text.len());
        text.replace_range(place..text.len().min(place + cut), &damage);
        let path = folder.path().join(FILE_NAME);
        std::fs::write(&path, &text).unwrap();
        let mut flags = flags(&[("data_dir", folder.path().to_str().unwrap())]);
        flags.config = Some(path);
        if let Err(Faults(faults)) = Config::load(&flags, &Variables::default()) {
            prop_assert!(!faults.is_empty());
            prop_assert!(faults.iter().all(|fault| !fault.problem.is_empty() && !fault.fix.is_empty()));
        }
    }
}
