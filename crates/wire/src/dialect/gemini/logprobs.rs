//! The chances of words: Google's `logprobsResult`, and the form of OpenAI's chat completions that is neutral here.

use domain::chat::Json;

use super::compose::{self, Members};
use super::raw::{Object, Raw};

/// The neutral form of a `logprobsResult`; `None` when it holds no words.
pub(super) fn read(result: Raw<'_>) -> Option<Json> {
    let result = result.object();
    let chosen = result.get("chosenCandidates")?.items();
    let top = result.get("topCandidates").map(Raw::items).unwrap_or_default();
    let mut out = Vec::new();
    compose::object(&mut out, |members| {
        members.array("content", |words| {
            for (index, word) in chosen.iter().enumerate() {
                let beside = top.get(index).and_then(|top| top.object().get("candidates"));
                words.object(|members| {
                    token(&word.object(), members);
                    members.array("top_logprobs", |words| {
                        for word in beside.map(Raw::items).unwrap_or_default() {
                            words.object(|members| token(&word.object(), members));
                        }
                    });
                });
            }
        });
        members.raw("refusal", "null");
    });
    (!chosen.is_empty()).then(|| String::from_utf8(out).ok().map(Json::new))?
}

fn token(word: &Object<'_>, members: &mut Members<'_>) {
    let text = word.text("token").unwrap_or_default();
    members.text("token", &text);
    members.raw("logprob", word.get("logProbability").map_or("0", Raw::json));
    let bytes: Vec<String> = text.bytes().map(|byte| byte.to_string()).collect();
    members.raw("bytes", &format!("[{}]", bytes.join(",")));
}

/// Appends `logprobsResult`.
pub(super) fn write(logprobs: &Json, candidate: &mut Members<'_>) {
    let Some(value) = Raw::parse(logprobs.as_str().as_bytes()) else { return };
    let words = value.object().get("content").map(Raw::items).unwrap_or_default();
    if words.is_empty() {
        return;
    }
    let words: Vec<Object<'_>> = words.into_iter().map(Raw::object).collect();
    candidate.object("logprobsResult", |result| {
        result.array("chosenCandidates", |items| {
            for word in &words {
                items.object(|members| chance(word, members));
            }
        });
        result.array("topCandidates", |items| {
            for word in &words {
                let top = word.get("top_logprobs").map(Raw::items).unwrap_or_default();
                items.object(|members| {
                    members.array("candidates", |items| {
                        for word in top {
                            items.object(|members| chance(&word.object(), members));
                        }
                    });
                });
            }
        });
    });
}

fn chance(word: &Object<'_>, members: &mut Members<'_>) {
    members.text("token", &word.text("token").unwrap_or_default());
    members.raw("logProbability", word.get("logprob").map_or("0", Raw::json));
}
