//! The chances of words: Google's `logprobsResult`, and the form of OpenAI's chat completions that is neutral here.

use domain::chat::Json;

use crate::json::build::{self, ObjectWriter};
use crate::json::look::{Object, Value};

/// The neutral form of a `logprobsResult`; `None` when it holds no words.
pub(super) fn read(result: Value<'_>) -> Option<Json> {
    let result = result.members();
    let chosen = result.items("chosenCandidates");
    let top = result.items("topCandidates");
    let neutral = build::object_text(|members| {
        members.array("content", |words| {
            for (index, word) in chosen.iter().enumerate() {
                let beside = top.get(index).and_then(|top| top.members().get("candidates"));
                words.object(|members| {
                    token(&word.members(), members);
                    members.array("top_logprobs", |words| {
                        for word in beside.and_then(Value::items).unwrap_or_default() {
                            words.object(|members| token(&word.members(), members));
                        }
                    });
                });
            }
        });
        members.null("refusal");
    });
    (!chosen.is_empty()).then(|| Json::new(neutral))
}

fn token(word: &Object<'_>, members: &mut ObjectWriter<'_>) {
    let text = word.text("token").unwrap_or_default();
    members.text("token", &text);
    members.raw("logprob", word.get("logProbability").map_or("0", Value::raw));
    let bytes: Vec<String> = text.bytes().map(|byte| byte.to_string()).collect();
    members.raw("bytes", format!("[{}]", bytes.join(",")));
}

/// Appends `logprobsResult`.
pub(super) fn write(logprobs: &Json, candidate: &mut ObjectWriter<'_>) {
    let Some(value) = Value::read(logprobs.as_str().as_bytes()) else { return };
    let words = value.members().items("content");
    if words.is_empty() {
        return;
    }
    let words: Vec<Object<'_>> = words.into_iter().map(Value::members).collect();
    candidate.object("logprobsResult", |result| {
        result.array("chosenCandidates", |items| {
            for word in &words {
                items.object(|members| chance(word, members));
            }
        });
        result.array("topCandidates", |items| {
            for word in &words {
                let top = word.items("top_logprobs");
                items.object(|members| {
                    members.array("candidates", |items| {
                        for word in top {
                            items.object(|members| chance(&word.members(), members));
                        }
                    });
                });
            }
        });
    });
}

fn chance(word: &Object<'_>, members: &mut ObjectWriter<'_>) {
    members.text("token", &word.text("token").unwrap_or_default());
    members.raw("logProbability", word.get("logprob").map_or("0", Value::raw));
}
