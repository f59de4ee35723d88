use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::{Value, json};

use super::*;

fn pem(size: KeySize) -> String {
    let der: Pkcs8V1Der<'_> = KeyPair::generate(size).unwrap().as_der().unwrap();
    let text = BASE64.encode(der.as_ref());
    let lines: Vec<&str> = (0..text.len()).step_by(64).map(|at| &text[at..text.len().min(at + 64)]).collect();
    format!("{BEGIN}\n{}\n{END}\n", lines.join("\n"))
}

fn file(private_key: &str) -> Value {
    json!({
        "type": "service_account",
        "project_id": "harbour",
        "private_key_id": "0123abcd",
        "private_key": private_key,
        "client_email": "gate@harbour.iam.gserviceaccount.com",
        "token_uri": "https://evil.example/token",
    })
}

fn parse(file: &str) -> Result<ServiceAccount, NoServiceAccount> {
    ServiceAccount::parse(&Secret::new(file.as_bytes().to_vec()))
}

fn part(text: &str) -> Value {
    serde_json::from_slice(&BASE64URL_NOPAD.decode(text.as_bytes()).unwrap()).unwrap()
}

#[test]
fn the_assertion_is_signed_for_google_alone() {
    let account = parse(&file(&pem(KeySize::Rsa2048)).to_string()).ok().unwrap();
    let form = account.exchange(Timestamp(1_767_225_600_999_999)).ok().unwrap();
    let form = std::str::from_utf8(form.open()).unwrap();
    let assertion =
        form.strip_prefix("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=");
    let assertion = assertion.unwrap();
    let (signed, signature) = assertion.rsplit_once('.').unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    assert_eq!(part(header), json!({"alg": "RS256", "typ": "JWT", "kid": "0123abcd"}));
    assert_eq!(
        part(claims),
        json!({
            "iss": "gate@harbour.iam.gserviceaccount.com",
            "scope": "https://www.googleapis.com/auth/cloud-platform",
            "aud": "https://oauth2.googleapis.com/token",
            "iat": 1_767_225_600,
            "exp": 1_767_229_200,
        })
    );
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, account.public_key());
    let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap();
    public.verify(signed.as_bytes(), &signature).unwrap();
    assert!(public.verify(b"another", &signature).is_err());
}

#[test]
fn what_is_no_key_file_is_refused() {
    let check = |file: &str, expect: NoServiceAccount| assert_eq!(parse(file).err(), Some(expect));
    let good = pem(KeySize::Rsa2048);
    check("", NoServiceAccount::Form);
    check("AIzaSy0123456789", NoServiceAccount::Form);
    check("{}", NoServiceAccount::Form);
    check(&" ".repeat(MAX_BYTES + 1), NoServiceAccount::TooLarge);
    let with = |name: &str, value: Value| {
        let mut file = file(&good);
        file[name] = value;
        file.to_string()
    };
    check(&with("type", json!("authorized_user")), NoServiceAccount::Kind);
    check(&with("client_email", json!("")), NoServiceAccount::Form);
    check(&with("client_email", json!("two words")), NoServiceAccount::Form);
    check(&with("private_key", json!("")), NoServiceAccount::Key);
    check(&with("private_key", json!(format!("{BEGIN}\nAAAA\n{END}"))), NoServiceAccount::Key);
    check(&with("private_key", json!(good.replace("PRIVATE", "RSA PRIVATE"))), NoServiceAccount::Key);
    assert!(parse(&with("private_key_id", Value::Null)).is_ok());
    assert!(parse(&with("private_key", json!(good.replace('\n', "\r\n")))).is_ok());
}

#[test]
fn an_answer_without_a_token_is_none() {
    let check = |answer: &str, expect: Option<(&str, u64)>| {
        let read = AccessToken::read(answer.as_bytes());
        let read =
            read.map(|token| (String::from_utf8(token.token.open().to_vec()).unwrap(), token.lifetime_s));
        assert_eq!(read, expect.map(|(token, lifetime)| (token.to_owned(), lifetime)), "{answer}");
    };
    check(
        r#"{"access_token":"ya29.abc","expires_in":3599,"token_type":"Bearer"}"#,
        Some(("ya29.abc", 3_599)),
    );
    check(r#"{"access_token":"ya29.abc","expires_in":3599}"#, Some(("ya29.abc", 3_599)));
    check(r#"{"access_token":"ya29.abc","expires_in":3599,"token_type":"mac"}"#, None);
    check(r#"{"access_token":"ya29.abc"}"#, None);
    check(r#"{"access_token":"","expires_in":3599}"#, None);
    check(r#"{"access_token":"a b","expires_in":3599}"#, None);
    check(r#"{"id_token":"x"}"#, None);
    check("no", None);
}
