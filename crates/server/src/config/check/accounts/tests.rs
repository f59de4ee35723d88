//! What people's settings mean, and what of them no installation can start with.

use super::*;

fn checked(change: impl FnOnce(&mut raw::Accounts)) -> (Option<Accounts>, String) {
    let (mut raw, mut faults) = (raw::Accounts::default(), Vec::new());
    change(&mut raw);
    let accounts = accounts(&raw, &raw::Limits::default(), &mut faults);
    (accounts, faults.iter().map(ToString::to_string).collect())
}

fn way(change: impl FnOnce(&mut raw::Mail)) -> (Option<Mail>, String) {
    let mut raw = raw::Mail { from: "Gate <gate@example.org>".to_owned(), ..raw::Mail::default() };
    let mut faults = Vec::new();
    change(&mut raw);
    let mail = mail(&raw, Path::new("/data"), &mut faults);
    (mail, faults.iter().map(ToString::to_string).collect())
}

fn check_url(url: &str, expect: Option<&str>, said: &str) {
    let (accounts, faults) = checked(|raw| raw.admin_url = url.to_owned());
    assert!(faults.contains(said) && faults.is_empty() == said.is_empty(), "{url}: {faults}");
    assert_eq!(accounts.and_then(|accounts| accounts.admin_url).as_deref(), expect, "{url}");
}

#[test]
fn the_defaults_are_those_of_the_manual() {
    let (accounts, faults) = checked(|_| ());
    assert_eq!(faults, "");
    let accounts = accounts.unwrap();
    assert_eq!((accounts.registration, accounts.issuer.as_str()), (Registration::Closed, "portcullis"));
    assert_eq!(accounts.access_token, Duration::from_secs(86_400));
    assert_eq!(accounts.refresh_token, Duration::from_secs(30 * 86_400));
    assert_eq!(accounts.login, Duration::from_secs(90 * 86_400));
    assert_eq!(accounts.passwords, Scheme::Argon2id(LEAST_COST));
    assert_eq!((accounts.admin_requests_per_minute, accounts.login_requests_per_minute), (120, 5));
    assert_eq!(way(|_| ()), (None, String::new()));
}

#[test]
fn what_makes_no_sense_is_refused() {
    for (change, said) in [
        ((|raw| raw.registration = "ask".to_owned()) as fn(&mut raw::Accounts), "no such registration"),
        (|raw| raw.issuer = String::new(), "accounts.issuer"),
        (|raw| raw.issuer = "a\nb".to_owned(), "accounts.issuer"),
        (|raw| raw.issuer = "a".repeat(256), "accounts.issuer"),
        (|raw| raw.refresh_token_days = 91, "outlive"),
        (|raw| raw.password_hash = "scrypt".to_owned(), "accounts.password_hash"),
        (|raw| raw.password_hash = String::new(), "accounts.password_hash"),
    ] {
        let (accounts, faults) = checked(change);
        assert!(accounts.is_none() && faults.contains(said), "{faults}");
    }
}

#[test]
fn registration_is_not_opened_without_a_way_to_prove_an_address() {
    let check = |registration: &str, mail: Option<&Mail>, said: &str| {
        let (accounts, before) = checked(|raw| raw.registration = registration.to_owned());
        assert_eq!(before, "");
        let mut faults = Vec::new();
        open_to_whom(accounts.as_ref(), mail, &mut faults);
        let told: String = faults.iter().map(ToString::to_string).collect();
        assert!(told.contains(said) && told.is_empty() == said.is_empty(), "{registration}: {told}");
        assert_eq!(safety::has_hard(&faults), !said.is_empty(), "no environment starts so");
    };
    let (mail, _) = way(|raw| raw.smtp_url = "smtps://mail.example.org".to_owned());
    check("open", None, "nobody could prove an e-mail address");
    check("open", mail.as_ref(), "");
    check("closed", None, "");
    check("closed", mail.as_ref(), "");
}

#[test]
fn cheap_passwords_are_for_development() {
    for change in
        [(|raw| raw.password_memory_kib = 19_455) as fn(&mut raw::Accounts), |raw| raw.password_passes = 1]
    {
        let (accounts, faults) = checked(change);
        assert!(accounts.is_some() && faults.contains("`cheap_passwords`"), "{faults}");
        // What the other kind would take does not matter.
        let (_, faults) = checked(|raw| {
            change(raw);
            raw.password_hash = "bcrypt".to_owned();
        });
        assert_eq!(faults, "");
    }
    let bcrypt = |cost: u64| {
        checked(|raw| {
            raw.password_hash = "bcrypt".to_owned();
            raw.password_bcrypt_cost = cost;
        })
    };
    for (cost, is_cheap) in [(4, true), (9, true), (10, false), (14, false)] {
        let (accounts, faults) = bcrypt(cost);
        assert_eq!(faults.contains("`cheap_passwords`"), is_cheap, "{cost}: {faults}");
        let cost = u32::try_from(cost).unwrap();
        assert_eq!(accounts.unwrap().passwords, Scheme::Bcrypt { cost });
    }
}

#[test]
fn links_lead_to_a_page_and_not_over_plain_http() {
    check_url("https://gate.example.org/", Some("https://gate.example.org"), "");
    check_url("https://example.org/gate/", Some("https://example.org/gate"), "");
    check_url("http://127.0.0.1:8081", Some("http://127.0.0.1:8081"), "");
    check_url("http://localhost:8081", Some("http://localhost:8081"), "");
    check_url("http://gate.example.org", Some("http://gate.example.org"), "`plain_links`");
    for bad in
        ["gate.example.org", "ftp://a.example", "https://a:b@c.example", "https://a.example/?x", "https://"]
    {
        check_url(bad, None, "no address of a web page");
    }
}

#[test]
fn a_mail_server_is_an_address_and_an_account() {
    let server = |url: &str| {
        let (mail, faults) = way(|raw| raw.smtp_url = url.to_owned());
        let MailWay::Server(server) = mail.unwrap_or_else(|| panic!("{url}: {faults}")).way else {
            panic!("{url}")
        };
        ((server.host, server.port, server.protection), faults)
    };
    let check = |url: &str, host: &str, port, protection, said: &str| {
        let (read, faults) = server(url);
        assert_eq!(read, (host.to_owned(), port, protection), "{url}");
        assert!(faults.contains(said) && faults.is_empty() == said.is_empty(), "{url}: {faults}");
    };
    check("smtps://mail.example.org", "mail.example.org", 465, MailProtection::Tls, "");
    check("smtp://mail.example.org:2525", "mail.example.org", 2525, MailProtection::StartTls, "");
    check("smtp+plain://127.0.0.1:1025", "127.0.0.1", 1025, MailProtection::None, "");
    check("smtp+plain://[::1]:1025/", "::1", 1025, MailProtection::None, "");
    check("smtp+plain://mail.example.org", "mail.example.org", 25, MailProtection::None, "`plain_mail`");
    check("smtp+plain://203.0.113.5", "203.0.113.5", 25, MailProtection::None, "`plain_mail`");
    for bad in ["mail.example.org", "https://mail.example.org", "smtps://", "smtps:mail"] {
        let (mail, faults) = way(|raw| raw.smtp_url = bad.to_owned());
        assert!(mail.is_none() && faults.contains("no address of a mail server"), "{bad}: {faults}");
    }
    for more in
        ["smtps://ann:pw@mail.example.org", "smtps://mail.example.org/x", "smtps://mail.example.org?tls=no"]
    {
        let (mail, faults) = way(|raw| raw.smtp_url = more.to_owned());
        assert!(mail.is_none() && faults.contains("more than an address"), "{more}: {faults}");
        assert!(!faults.contains("pw@"), "{faults}");
    }
}

#[test]
fn an_account_has_a_name_and_a_referenced_password() {
    let account = |username: &str, password: &str| {
        way(|raw| {
            raw.smtp_url = "smtps://mail.example.org".to_owned();
            (raw.username, raw.password) = (username.to_owned(), password.to_owned());
        })
    };
    let (mail, faults) = account("gate", "env:MAIL_PASSWORD");
    assert_eq!(faults, "");
    let MailWay::Server(server) = mail.unwrap().way else { panic!("a server") };
    assert_eq!(server.account.unwrap().username, "gate");
    for (username, password) in
        [("gate", ""), ("", "env:MAIL_PASSWORD"), ("gate", "hunter2"), ("", "hunter2")]
    {
        let (mail, faults) = account(username, password);
        assert!(
            mail.is_none() && faults.contains("mail.password") && !faults.contains("hunter2"),
            "{faults}"
        );
    }
    // Not even on the same machine.
    let (mail, faults) = way(|raw| {
        raw.smtp_url = "smtp+plain://127.0.0.1:1025".to_owned();
        (raw.username, raw.password) = ("gate".to_owned(), "env:MAIL_PASSWORD".to_owned());
    });
    assert!(mail.is_none() && faults.contains("in the clear"), "{faults}");
    let (_, faults) = way(|raw| raw.username = "gate".to_owned());
    assert!(faults.contains("no mail server"), "{faults}");
}

#[test]
fn a_folder_is_for_development_and_alone() {
    let (mail, faults) = way(|raw| raw.sink_dir = "mail".to_owned());
    assert_eq!(mail.unwrap().way, MailWay::Folder("/data/mail".into()));
    assert!(faults.contains("`mail_sink`"), "{faults}");
    let (mail, faults) = way(|raw| {
        raw.sink_dir = "mail".to_owned();
        raw.smtp_url = "smtps://mail.example.org".to_owned();
    });
    assert!(mail.is_none() && faults.contains("one way"), "{faults}");
    for from in ["", "gate", "@example.org", "gate@", "a@b.example\r\nbcc: c@d.example"] {
        let (mail, faults) = way(|raw| {
            raw.sink_dir = "mail".to_owned();
            raw.from = from.to_owned();
        });
        assert!(mail.is_none() && faults.contains("mail.from"), "{from}: {faults}");
    }
}
