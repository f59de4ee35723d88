use proptest::prelude::*;

use super::*;

#[test]
fn an_origin_is_what_a_browser_writes_and_nothing_else() {
    let check = |text: &str, expect: Result<(), BadOrigin>| {
        assert_eq!(text.parse::<Origin>().map(|_| ()), expect, "{text}");
    };
    for good in [
        "https://app.example.com",
        "https://admin.example.com:8443",
        "http://localhost:3000",
        "http://127.0.0.1",
        "https://[2001:db8::1]:8443",
        "https://xn--bcher-kva.example",
        "https://my_app.example",
        "https://localhost",
    ] {
        check(good, Ok(()));
    }
    check("*", Err(BadOrigin::Everybody));
    check("null", Err(BadOrigin::Nobody));
    for pattern in ["https://*.example.com", "^https://app\\.example\\.com$", "https://(a|b).example"] {
        check(pattern, Err(BadOrigin::Pattern));
    }
    for bad in [
        "",
        "app.example.com",
        "https://",
        "https://app.example.com/",
        "https://app.example.com/path",
        "https://App.example.com",
        "HTTPS://app.example.com",
        "https://app.example.com.",
        "https://app..example",
        "https://app.example.com:443",
        "http://app.example.com:80",
        "https://app.example.com:0",
        "https://app.example.com:",
        "https://app.example.com:08443",
        "https://app.example.com:65536",
        "https://user@app.example.com",
        " https://app.example.com",
        "https://app.example.com\t",
        "https://a.example https://b.example",
        "https://a.example,https://b.example",
        "https://bücher.example",
        "https://127.1",
        "https://0x7f000001",
        "https://1.2.3.4.5",
        "https://[::ffff:1.2.3.4]",
        "https://[2001:DB8::1]",
        "https://[0:0:0:0:0:0:0:1]",
        "https://[::1",
        "capacitor://localhost",
        "chrome-extension://abcdef",
        "data:",
        "file://",
    ] {
        check(bad, Err(BadOrigin::NotAnOrigin));
    }
}

#[test]
fn only_tls_and_the_own_machine_are_protected() {
    let check = |text: &str, expect: bool| {
        assert_eq!(text.parse::<Origin>().unwrap().is_protected(), expect, "{text}");
    };
    check("https://app.example.com", true);
    check("http://localhost:3000", true);
    check("http://app.localhost", true);
    check("http://127.0.0.9:1", true);
    check("http://[::1]:1", true);
    check("http://app.example.com", false);
    check("http://192.168.1.5:3000", false);
    check("http://localhost.example.com", false);
}

#[test]
fn a_list_keeps_each_origin_once_and_survives_being_stored() {
    let listed = ["https://b.example", "https://a.example", "https://b.example"];
    let origins: Origins = listed.into_iter().map(|text| text.parse().unwrap()).collect();
    let stored: Vec<Origin> = origins.clone().into();
    assert_eq!(
        stored.iter().map(Origin::as_str).collect::<Vec<_>>(),
        ["https://a.example", "https://b.example"]
    );
    assert_eq!(Origins::from(stored), origins);
    assert_eq!(Origin::try_from("*".to_owned()), Err(BadOrigin::Everybody));
    assert!(Origins::default().find(b"").is_none() && Origins::default().is_empty());
}

fn written() -> impl Strategy<Value = String> {
    let host = prop_oneof!["[a-z][a-z0-9-]{0,8}(\\.[a-z][a-z0-9]{1,5}){0,3}", Just("[::1]".to_owned())];
    ("https?", host, proptest::option::of(1024u16..)).prop_map(|(scheme, host, port)| {
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        format!("{scheme}://{host}{port}")
    })
}

proptest! {
    #[test]
    fn a_listed_origin_is_found_and_its_neighbours_are_not(
        texts in proptest::collection::vec(written(), 1..12),
        at in any::<prop::sample::Index>(),
        neighbour in "[a-z0-9.:/]{1,3}",
    ) {
        let origins: Origins = texts.iter().map(|text| text.parse().unwrap()).collect();
        let one = at.get(&texts);
        prop_assert_eq!(origins.find(one.as_bytes()).map(Origin::as_str), Some(one.as_str()));
        for other in [format!("{one}{neighbour}"), format!("{neighbour}{one}"), one.to_uppercase()] {
            let listed = texts.contains(&other);
            prop_assert_eq!(origins.find(other.as_bytes()).is_some(), listed, "{}", other);
        }
    }

    #[test]
    fn no_text_is_read_in_two_ways(text in "(https?://)?[a-z0-9A-Z.:*\\[\\]/@% -]{0,24}") {
        if let Ok(origin) = text.parse::<Origin>() {
            // A second reader, as browsers have one, agrees on what was said.
            let (scheme, rest) = text.split_once("://").unwrap();
            prop_assert_eq!(origin.as_str(), &text);
            prop_assert!(scheme == "http" || scheme == "https");
            prop_assert!(!rest.contains(['/', '@', '*', '%', ' ']) && !rest.is_empty());
            prop_assert_eq!(text.to_ascii_lowercase(), text);
        }
    }
}
