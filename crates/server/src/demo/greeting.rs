//! What `portcullis demo` prints when it is ready: where it listens, the key, commands that work as printed, what it is
//! not, and the way to a real provider. Words only; it starts nothing.

use std::path::Path;

/// Who answers behind the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upstream<'a> {
    /// The built-in demo provider.
    Demo,
    /// A provider of the user's, by its base URL.
    Url(&'a str),
}

/// What the banner tells.
#[derive(Debug, Clone, Copy)]
pub struct Greeting<'a> {
    /// The program as the user can type it, such as `target/release/portcullis`.
    pub program: &'a str,
    /// Where applications connect, ending in `/v1`.
    pub base_url: &'a str,
    /// Where operators connect.
    pub admin_url: &'a str,
    /// The demo's API key: the only secret in the banner.
    pub api_key: &'a str,
    /// A model that the key may call.
    pub model: &'a str,
    /// Who answers.
    pub upstream: Upstream<'a>,
    /// Where the data of the demo lies.
    pub data_dir: &'a Path,
}

/// The banner, ending in a newline.
#[must_use]
pub fn greeting(facts: &Greeting<'_>) -> String {
    let Greeting { program, base_url, admin_url, api_key, model, upstream, data_dir } = *facts;
    let answers = match upstream {
        Upstream::Demo => {
            "the demo provider: deterministic text made by rule, not a language model".to_owned()
        }
        Upstream::Url(url) => format!("the provider at {url}"),
    };
    let program = shell_word(program);
    let data_dir = data_dir.display().to_string();
    let data_option = shell_word(&data_dir);
    let curl = curl(base_url, api_key, model);
    let python = python(base_url, api_key, model);
    let embedding_note = match upstream {
        Upstream::Demo => "\nOther models here: demo-smart (a longer text), demo-embed (embeddings).\n",
        Upstream::Url(_) => "",
    };
    format!(
        "
Portcullis demo is ready. For trials on this machine, not for production.

  Base URL   {base_url}
  API key    {api_key}
             (its limits are set high enough for a load test)
  Admin URL  {admin_url}
  Data       {data_dir}
  Answers    {answers}

Try it with curl:

{curl}

or with Python (pip install openai):

{python}
{embedding_note}
See what was used:

{program} usage --data-dir {data_option}

Next, the same with a real provider:

export OPENAI_API_KEY=...
{program} demo --provider-url https://api.openai.com/v1 --provider-key-env OPENAI_API_KEY

Ctrl-C stops it; the data stays.
"
    )
}

fn curl(base_url: &str, api_key: &str, model: &str) -> String {
    let body = serde_json::json!({ "model": model, "messages": [{ "role": "user", "content": "Hello!" }] });
    let url = shell_word(&format!("{base_url}/chat/completions"));
    let key = shell_word(&format!("Authorization: Bearer {api_key}"));
    let body = shell_word(&body.to_string());
    format!("curl {url} -H {key} -H 'Content-Type: application/json' -d {body}")
}

fn python(base_url: &str, api_key: &str, model: &str) -> String {
    // A JSON string is a Python string literal too.
    let [base_url, api_key, model] =
        [base_url, api_key, model].map(|text| serde_json::json!(text).to_string());
    format!(
        "from openai import OpenAI
client = OpenAI(base_url={base_url}, api_key={api_key})
answer = client.chat.completions.create(model={model}, messages=[{{\"role\": \"user\", \"content\": \"Hello!\"}}])
print(answer.choices[0].message.content)"
    )
}

/// `text` as one word of a POSIX shell: bare where that is safe, else in single quotes.
pub(crate) fn shell_word(text: &str) -> String {
    let plain = |char: char| char.is_ascii_alphanumeric() || "/._-+:@%,".contains(char);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(upstream: Upstream<'_>) -> String {
        greeting(&Greeting {
            program: "target/release/portcullis",
            base_url: "http://127.0.0.1:8080/v1",
            admin_url: "http://127.0.0.1:8081",
            api_key: "pc_live_abc",
            model: "demo-fast",
            upstream,
            data_dir: Path::new("/tmp/my demo's data"),
        })
    }

    #[test]
    fn the_banner_says_what_a_newcomer_needs() {
        let banner = facts(Upstream::Demo);
        for part in [
            "not a language model",
            "high enough for a load test",
            "curl http://127.0.0.1:8080/v1/chat/completions -H 'Authorization: Bearer pc_live_abc'",
            "OpenAI(base_url=\"http://127.0.0.1:8080/v1\", api_key=\"pc_live_abc\")",
            r"usage --data-dir '/tmp/my demo'\''s data'",
            "--provider-key-env OPENAI_API_KEY",
        ] {
            assert!(banner.contains(part), "{part}\n{banner}");
        }
        assert!(banner.ends_with('\n'));
    }

    #[test]
    fn a_real_provider_is_not_called_a_demo_provider() {
        let banner = facts(Upstream::Url("http://127.0.0.1:9000/v1"));
        assert!(banner.contains("the provider at http://127.0.0.1:9000/v1"));
        assert!(!banner.contains("deterministic") && !banner.contains("demo-embed"));
    }
}
