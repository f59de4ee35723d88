//! Production safety: every unsafe setting is refused by the name of its check and with its fix, all at once and by
//! `doctor` as well; an override is never silent; and no answer of production tells what the gate is made of.

use std::os::unix::fs::PermissionsExt as _;

use server::config::environment::Variables;
use server::config::fault::Faults;
use server::config::safety::CHECKS;
use server::config::{Config, Flags};

use crate::cli::{Place, says};
use crate::world::caller::Caller;

const PRODUCTION: [&str; 2] = ["--set", "environment=production"];

/// One unsafe thing: the check that finds it, the settings that make it, what is said of it.
struct Unsafe {
    check: &'static str,
    settings: &'static [(&'static str, &'static str)],
    said: &'static [&'static str],
}

const fn of(
    check: &'static str,
    settings: &'static [(&'static str, &'static str)],
    said: &'static [&'static str],
) -> Unsafe {
    Unsafe { check, settings, said }
}

/// What settings alone make unsafe.
const SETTINGS: [Unsafe; 23] = [
    of(
        "admin_address",
        &[("listen.admin", "0.0.0.0:8081")],
        &["listen.admin: ", "Bind it to a loopback or private"],
    ),
    of("admin_address", &[("listen.admin", "[2001:db8::1]:8081")], &["would be reachable from outside"]),
    of("plain_http", &[("listen.public", "0.0.0.0:8080")], &["listen.public: ", "network.trusted_proxies"]),
    of("plain_http", &[("listen.public", "203.0.113.5:80")], &["Give it a certificate"]),
    of(
        "limits_off",
        &[("limits.requests_per_minute", "10000000")],
        &["limits.requests_per_minute: ", "limits nothing"],
    ),
    of(
        "limits_off",
        &[("limits.org_requests_per_minute", "10000000")],
        &["limits.org_requests_per_minute: "],
    ),
    of(
        "limits_off",
        &[("limits.user_requests_per_minute", "10000000")],
        &["limits.user_requests_per_minute: "],
    ),
    of("limits_off", &[("limits.ip_requests_per_minute", "10000000")], &["limits.ip_requests_per_minute: "]),
    of("plain_origins", &[("network.allowed_origins", "http://app.example.com")], &["Serve it over https"]),
    of(
        "plain_origins",
        &[("network.allowed_origins", "http://10.0.0.7:3000")],
        &["anybody on its way can change"],
    ),
    of("trace_logs", &[("log.level", "trace")], &["log.level: ", "Write \"info\""]),
    of("trace_logs", &[("log.level", "info,gateway=trace")], &["tells every step"]),
    of("weak_secrets", &[("secrets.pepper", "env:SAMPLE")], &["samples use", "openssl rand -base64 32"]),
    of("weak_secrets", &[("secrets.pepper", "env:SEQUENCE")], &["plain sequence"]),
    of("readable_secrets", &[("secrets.pepper", "file:readable.key")], &["mode 644", "chmod 600"]),
    of(
        "limits_off",
        &[("limits.admin_requests_per_minute", "10000000")],
        &["limits.admin_requests_per_minute: "],
    ),
    of(
        "limits_off",
        &[("limits.login_requests_per_minute", "10000000")],
        &["limits.login_requests_per_minute: "],
    ),
    of("cheap_passwords", &[("accounts.password_memory_kib", "8192")], &["at least 19456"]),
    of("cheap_passwords", &[("accounts.password_passes", "1")], &["accounts.password_passes at least 2"]),
    of(
        "plain_links",
        &[("accounts.admin_url", "http://gate.example.org")],
        &["Serve the admin API over https"],
    ),
    of(
        "plain_mail",
        &[("mail.smtp_url", "smtp+plain://mail.example.org:25"), ("mail.from", "gate@example.org")],
        &["Write smtps:// or smtp://"],
    ),
    of(
        "mail_sink",
        &[("mail.sink_dir", "mail"), ("mail.from", "gate@example.org")],
        &["Give mail.smtp_url in its place"],
    ),
    of(
        "plain_keys",
        &[("transit.address", "http://bao.example.org:8200"), ("transit.token", "env:TOKEN")],
        &["transit.address: ", "speak https"],
    ),
];

/// What is refused in every environment and cannot be overridden.
const NEVER: [(&[(&str, &str)], &str); 8] = [
    (&[("secrets.pepper", "file:gone.key")], "portcullis init"),
    (&[("secrets.pepper", "env:GONE")], "Set GONE"),
    (&[("secrets.pepper", "env:SHORT")], "fewer than 32 bytes"),
    (&[("secrets.encryption_keys", "")], "no encryption key"),
    (&[("network.allowed_origins", "*")], "every page"),
    (&[("network.allowed_origins", "null")], "sandboxed page"),
    (&[("limits.requests_per_minute", "0")], "out of range"),
    (&[("limits.ip_requests_per_minute", "0")], "out of range"),
];

fn variables() -> Variables {
    Variables::from([
        ("SAMPLE", "change-me-to-something-long-and-random"),
        ("SEQUENCE", "ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghij"),
        ("SHORT", "q8Yb0c5mKJ3nVw7xT1"),
        ("TOKEN", "made-up"),
    ])
}

fn readable(place: &Place) {
    let path = place.data().join("readable.key");
    std::fs::copy(place.data().join("pepper.key"), &path).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
}

/// The faults of an installation with these settings, and what was overridden.
fn load(place: &Place, settings: &[(&str, &str)]) -> Result<(usize, usize), Faults> {
    let data = place.data().display().to_string();
    let all = [&[("data_dir", data.as_str())], settings].concat();
    let settings = all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let flags = Flags { config: None, settings };
    let (loaded, _) = Config::load_with_roots(&flags, &variables())?;
    Ok((loaded.warnings.len(), loaded.overridden.len()))
}

#[test]
fn every_unsafe_setting_is_refused_by_name_and_with_its_fix() {
    let place = Place::installed();
    readable(&place);
    for unwise in &SETTINGS {
        let production = [&[("environment", "production")], unwise.settings].concat();
        let Faults(faults) = load(&place, &production).unwrap_err();
        let [fault] = &faults[..] else { panic!("{:?}: {faults:?}", unwise.settings) };
        assert_eq!(fault.check, Some(unwise.check), "{fault}");
        says(&fault.to_string(), unwise.said);
        says(&fault.to_string(), &[&format!("(safety check `{}`)", unwise.check)]);
        // Development warns of it; an override lets it be, and is told.
        let (warned, overridden) = load(&place, unwise.settings).unwrap();
        assert_eq!((warned, overridden), (1, 0), "{fault}");
        let allowed = [&production[..], &[("safety.allow", unwise.check)]].concat();
        assert_eq!(load(&place, &allowed).unwrap(), (0, 1), "{fault}");
        // Another override does not.
        let other = CHECKS.iter().find(|check| check.name != unwise.check).unwrap();
        let other = [&production[..], &[("safety.allow", other.name)]].concat();
        assert_eq!(load(&place, &other).unwrap_err().0.len(), 1, "{fault}");
    }
}

#[test]
fn what_cannot_be_overridden_is_refused_everywhere() {
    let place = Place::installed();
    let every: Vec<&str> = CHECKS.iter().map(|check| check.name).collect();
    let every = every.join(",");
    for (settings, said) in NEVER {
        for environment in ["production", "development"] {
            let all = [&[("environment", environment), ("safety.allow", &every)], settings].concat();
            says(&load(&place, &all).unwrap_err().to_string(), &[said]);
        }
    }
}

#[test]
fn a_sound_installation_is_production_ready() {
    let place = Place::installed();
    assert_eq!(load(&place, &[("environment", "production")]).unwrap(), (0, 0));
    for settings in [
        &[("listen.public", "0.0.0.0:8080"), ("network.trusted_proxies", "10.0.0.0/8")][..],
        &[("network.allowed_origins", "https://app.example.com,http://localhost:3000")],
        &[("listen.admin", "10.0.0.5:8081"), ("log.level", "debug")],
        &[("limits.requests_per_minute", "9999999")],
    ] {
        let all = [&[("environment", "production")], settings].concat();
        assert_eq!(load(&place, &all).unwrap(), (0, 0), "{settings:?}");
    }
}

/// An installation in which everything is wrong at once, also in its books.
fn everything_wrong() -> (Place, Vec<&'static str>) {
    let place = Place::installed().with("MY_KEY", "sk-proj-Zq7XbW3nTpLk9sVd");
    place.ok(&["provider", "add", "--provider", "demo", "--base-url", "http://127.0.0.1:11434/v1"]);
    let clear = "http://models.example.com/v1";
    let allow = ["--set", "egress.allow=models.example.com:80,127.0.0.1:11434"];
    let add =
        ["provider", "add", "--provider", "openai_compatible", "--secret-env", "MY_KEY", "--base-url", clear];
    place.ok(&[&add[..], &["--models", "gpt-test"], &allow].concat());
    readable(&place);
    std::fs::write(
        place.data().join("vault.key"),
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
    )
    .unwrap();
    let mut wrong = vec![];
    for setting in [
        "listen.admin=0.0.0.0:0",
        "listen.public=0.0.0.0:0",
        "limits.ip_requests_per_minute=10000000",
        "network.allowed_origins=http://app.example.com",
        "log.level=trace",
        "secrets.pepper=file:readable.key",
        "egress.allow=models.example.com:80,127.0.0.1:11434",
        "accounts.password_passes=1",
        "accounts.admin_url=http://gate.example.org",
        "mail.smtp_url=smtp+plain://mail.example.org:25",
        "mail.from=gate@example.org",
        "transit.address=http://bao.example.org:8200",
        "transit.token=env:MY_KEY",
    ] {
        wrong.extend(["--set", setting]);
    }
    (place, wrong)
}

#[test]
fn all_faults_are_told_at_once_by_serve_and_by_doctor() {
    let (place, wrong) = everything_wrong();
    let said = place.fails(&[&["serve"], &wrong[..], &PRODUCTION].concat());
    // E-mail has one way, not two: that it goes to a folder is said in its place.
    for check in CHECKS.iter().filter(|check| check.name != "mail_sink") {
        assert!(
            said.contains(&format!("(safety check `{}`)", check.name)),
            "{} is missing in {said}",
            check.name
        );
    }
    says(
        &said,
        &["is for trials and refused in production", "go to http://models.example.com/v1 in the clear"],
    );
    let report = place.run(&[&["doctor", "--json"], &wrong[..], &PRODUCTION].concat());
    assert_eq!(report.code, 1);
    let report: serde_json::Value = serde_json::from_str(&report.out).unwrap();
    let failed = report["checks"].as_array().unwrap().iter().filter(|check| check["finding"] == "fail");
    let failed: Vec<String> = failed.map(|check| check["name"].as_str().unwrap().to_owned()).collect();
    for subject in [
        "listen.admin",
        "listen.public",
        "limits.ip_requests_per_minute",
        "network.allowed_origins",
        "log.level",
        "secrets.pepper",
        "secrets.encryption_keys (file:vault.key)",
        "provider demo",
        "provider openai_compatible",
    ] {
        assert!(failed.iter().any(|name| name == subject), "{subject} is missing in {failed:?}");
    }
}

#[tokio::test]
async fn an_override_starts_is_warned_of_and_is_recorded_at_every_start() {
    let place = Place::installed();
    place.ok(&["provider", "add", "--provider", "demo", "--base-url", "http://127.0.0.1:11434/v1"]);
    let more =
        [&PRODUCTION[..], &["--set", "safety.allow=demo_provider,trace_logs", "--set", "log.level=trace"]];
    let more = more.concat();
    for start in 1..=2 {
        let gate = place.serve(&more).await;
        says(&gate.log(), &["a check of production safety is overridden", "demo_provider", "trace_logs"]);
        assert!(gate.end(rustix::process::Signal::TERM).await.success());
        let rows = place.json(&["audit", "list", "--action", "production.override"]);
        let rows = rows["audit"].as_array().unwrap();
        assert_eq!(rows.len(), 2 * start, "{rows:?}");
        for check in ["demo_provider", "trace_logs"] {
            assert_eq!(rows.iter().filter(|row| row["resource"] == check).count(), start, "{rows:?}");
        }
    }
    let doctor = place.json(&[&["doctor"], &more[..], &["--set", "listen.public=127.0.0.1:0"]].concat());
    assert!(doctor.to_string().contains("(overridden: `trace_logs`)"), "{doctor}");
}

#[tokio::test]
async fn answers_of_production_tell_nothing_of_what_is_inside() {
    let place = Place::installed();
    let key = place.json(&["key", "create", "--name", "app"])["key"].as_str().unwrap().to_owned();
    let operator = place.json(&["operator", "create", "--name", "ops"])["token"].as_str().unwrap().to_owned();
    place.forget_what_was_said();
    let gate = place.serve(&PRODUCTION).await;
    // The books are broken in the middle of the work: what each listener says then is the same for every cause.
    for name in ["portcullis.db", "portcullis.db-wal"] {
        std::fs::OpenOptions::new().write(true).open(place.data().join(name)).unwrap().set_len(0).unwrap();
    }
    let data = place.data().display().to_string();
    let public = Caller::new(gate.public, key).get("/v1/models").await;
    public.is_error(503, "api_error", "unavailable");
    let operator = Caller::new(gate.admin, operator);
    let metrics = operator.get("/metrics").await;
    assert_eq!(metrics.status, 503, "{}", metrics.head);
    for answer in [&public, &metrics, &operator.get("/readyz").await] {
        let said = format!("{}{}", answer.head, answer.text()).to_ascii_lowercase();
        for inside in ["sqlite", "sqlx", "malformed", "database", ".rs", ".db", "panick", &data] {
            assert!(!said.contains(inside), "`{inside}` in {said}");
        }
    }
    // The cause is in the log.
    says(&gate.log(), &["a key could not be looked up"]);
}

#[tokio::test]
async fn a_finder_of_a_weakness_is_told_where_to_go_on_both_listeners() {
    let path = "/.well-known/security.txt";
    let place = Place::installed();
    let named = [
        "--set",
        "site.security_contact=mailto:security@example.com",
        "--set",
        "site.security_expires=2099-06-30T00:00:00Z",
    ];
    let gate = place.serve(&named).await;
    for address in [gate.public, gate.admin] {
        let answer = Caller::new(address, String::new()).get(path).await;
        assert_eq!(answer.status, 200, "{}", answer.head);
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
        let lines = "Contact: mailto:security@example.com\nExpires: 2099-06-30T00:00:00Z\n";
        assert_eq!(answer.text(), lines);
    }
    drop(gate);
    let gate = place.serve(&[]).await;
    for address in [gate.public, gate.admin] {
        assert_eq!(Caller::new(address, String::new()).get(path).await.status, 404);
    }
}

#[test]
fn a_contact_is_an_address_that_holds_for_a_time() {
    let place = Place::installed();
    let check = |contact: &str, expires: &str, expect: &str| {
        let settings = [("site.security_contact", contact), ("site.security_expires", expires)];
        let said = load(&place, &settings).err().map(|faults| faults.to_string()).unwrap_or_default();
        assert!(
            said.starts_with(expect) && said.is_empty() == expect.is_empty(),
            "{contact} {expires}: {said}"
        );
    };
    let until = "2099-06-30T00:00:00Z";
    check("mailto:security@example.com", until, "");
    check("https://example.com/security", until, "");
    check("", "", "");
    check("", until, "site.security_contact: ");
    check("security@example.com", until, "site.security_contact: ");
    check("mailto:", until, "site.security_contact: ");
    check("mailto:a@example.com\nContact: mailto:evil@example.com", until, "site.security_contact: ");
    check("mailto:security@example.com", "", "site.security_expires: ");
    check("mailto:security@example.com", "next year", "site.security_expires: ");
}
