//! Planted secrets, and the search for them in every form in which one could leave: as it is, encoded, escaped,
//! reversed, or half of it. The masked form, four characters at either end, is short enough to pass.

use data_encoding::{BASE64, BASE64URL, HEXLOWER, HEXUPPER};

/// Characters at either end of a secret that may not be seen together.
const END: usize = 8;

/// A secret that was planted, in every form it is searched for.
pub struct Canary {
    name: &'static str,
    forms: Vec<(&'static str, Vec<u8>)>,
}

impl Canary {
    pub fn new(name: &'static str, secret: &[u8]) -> Self {
        assert!(secret.len() >= 2 * END, "{name} is too short to be searched for");
        let percent: String = secret.iter().map(|byte| format!("%{byte:02X}")).collect();
        let escaped: String = secret.iter().map(|byte| format!("\\u{byte:04x}")).collect();
        let list = secret.iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
        let mut forms = vec![
            ("plain", secret.to_vec()),
            ("reversed", secret.iter().rev().copied().collect()),
            ("first half", secret[..END].to_vec()),
            ("last half", secret[secret.len() - END..].to_vec()),
            ("hex", HEXLOWER.encode(secret).into_bytes()),
            ("upper hex", HEXUPPER.encode(secret).into_bytes()),
            ("url-encoded", percent.to_ascii_lowercase().into_bytes()),
            ("upper url-encoded", percent.into_bytes()),
            ("json-escaped", escaped.into_bytes()),
            ("a list of bytes", list.into_bytes()),
        ];
        for offset in 0..3 {
            // Base64 of a text that holds the secret: what depends on its neighbours is left out.
            let padded = [&vec![0; offset][..], secret].concat();
            let inner = |text: String| text.as_bytes()[4..text.len() - 4].to_vec();
            forms.push(("base64", inner(BASE64.encode(&padded))));
            forms.push(("base64url", inner(BASE64URL.encode(&padded))));
        }
        Self { name, forms }
    }

    /// The two canaries of a key file: its text and the bytes that the text means.
    pub fn of_key_file(name: &'static str, path: &std::path::Path) -> [Self; 2] {
        let text = std::fs::read_to_string(path).unwrap();
        let bytes = BASE64.decode(text.trim().as_bytes()).unwrap();
        [Self::new(name, text.trim().as_bytes()), Self::new(name, &bytes)]
    }

    #[track_caller]
    pub fn is_absent(&self, place: &str, bytes: &[u8]) {
        for (form, needle) in &self.forms {
            let found = memchr::memmem::find(bytes, needle);
            assert!(found.is_none(), "{place} holds {} ({form}) at {found:?}", self.name);
        }
    }
}

/// Searches every sink for every canary.
#[track_caller]
pub fn none_in(canaries: &[Canary], sinks: &[(String, Vec<u8>)]) {
    for (place, bytes) in sinks {
        canaries.iter().for_each(|canary| canary.is_absent(place, bytes));
    }
}

#[test]
fn every_form_would_be_found() {
    let secret = b"Zq7XbW3nTpLk9sVdQm2R";
    let canary = Canary::new("test", secret);
    let hides =
        |text: String| std::panic::catch_unwind(|| canary.is_absent("a text", text.as_bytes())).is_ok();
    let text = String::from_utf8(secret.to_vec()).unwrap();
    assert!(!hides(format!("x{text}y")) && !hides(format!("key={}", &text[..8])));
    for before in ["", "a", "ab", "abc"] {
        assert!(!hides(BASE64.encode(format!("{before}{text}yz").as_bytes())), "{before}");
    }
    assert!(!hides(HEXLOWER.encode(secret)) && !hides(format!("{secret:?}")));
    assert!(hides("Zq7X…Qm2R".to_owned()), "the masked form passes");
}
