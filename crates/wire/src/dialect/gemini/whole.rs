//! Whole answers: from this protocol to the neutral form and back.

use domain::chat::{Answer, Choice, Finish, Foreign, Part, Reason, Reasoning, Signature, Text, ToolCall};
use domain::protocol::Protocol;

use super::citations::{self, Found, Written};
use super::lenient;
use super::made_id::Seed;
use super::measure::Measure;
use super::part::{self, Said};
use super::said::{self, Voice};
use super::usage::{self, Reported};
use super::{carried, logprobs, words};
use crate::answer::Malformed;
use crate::dialect::Echo;
use crate::json::build::{self, ArrayWriter, ObjectWriter};
use crate::json::look::{Kind, Object, Value};
use crate::request::MAX_CHOICES;

/// Reads an answer that came with a status of success.
///
/// # Errors
/// [`Malformed`] when it is none.
pub fn decode_answer(body: &[u8]) -> Result<Answer, Malformed> {
    let root = Value::read(body).ok_or(Malformed::NotJson)?.members();
    let id = root.text("responseId").filter(|id| !id.is_empty());
    let mut reader = Reader { seed: Seed::of(id.as_deref().map_or(body, str::as_bytes)), ids: Vec::new() };
    let mut choices: Vec<Choice> = Vec::new();
    let most = usize::try_from(MAX_CHOICES).unwrap_or(usize::MAX);
    for candidate in root.items("candidates").into_iter().take(most) {
        choices.push(reader.choice(&candidate.members()));
    }
    if choices.is_empty() {
        let feedback = root.object("promptFeedback").unwrap_or_default();
        let finish = feedback.get("blockReason").and_then(words::blocked).ok_or(Malformed::NotAnAnswer)?;
        choices.push(Choice { finish: Some(finish), ..Choice::default() });
    }
    Ok(Answer {
        model: root.text("modelVersion").filter(|model| !model.is_empty()).map(Into::into),
        id: id.map(Into::into),
        choices,
        tokens: root.get("usageMetadata").and_then(Reported::of).and_then(|reported| reported.tokens()),
        service_tier: None,
    })
}

struct Reader {
    seed: Seed,
    /// The ids of the calls so far.
    ids: Vec<String>,
}

impl Reader {
    fn choice(&mut self, candidate: &Object<'_>) -> Choice {
        let content = candidate.object("content").unwrap_or_default();
        let list = content.get("parts").map(lenient::one_or_more).unwrap_or_default();
        let mut parts = Vec::with_capacity(list.len());
        // Where each part of Google's went: citations name them by number.
        let mut places = Vec::with_capacity(list.len());
        for value in list {
            places.push(parts.len());
            parts.extend(self.part(value));
        }
        cite(citations::read(candidate), &places, &mut parts);
        let calls = parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
        let finish = candidate.get("finishReason").and_then(words::finish);
        Choice {
            parts,
            finish: finish.map(|finish| with_calls(finish, calls)),
            logprobs: candidate.get("logprobsResult").and_then(logprobs::read),
        }
    }

    /// A part of an answer; one that cannot be read is passed over, for newer models say newer things.
    fn part(&mut self, value: Value<'_>) -> Option<Part> {
        let piece = part::read(&value.members()).ok()?;
        let signature = piece.signature.map(|value| Signature::new(Protocol::Gemini, value));
        Some(match piece.said {
            Said::Text(text) => Part::Text(Text { text: text.into_owned(), signature, ..Text::default() }),
            Said::Thought(text) => {
                Part::Reasoning(Reasoning { text: text.into_owned(), signature, ..Reasoning::default() })
            }
            Said::Media(mut media) => {
                media.signature = signature;
                Part::Media(media)
            }
            Said::Call(call) => Part::ToolCall(ToolCall {
                id: id(&call, self.seed, &mut self.ids),
                name: call.text("name")?.into_owned(),
                arguments: arguments(&call).unwrap_or_else(|| "{}".to_owned()),
                signature,
                cache: None,
            }),
            Said::Foreign(kind) => Part::Foreign(foreign(kind, value)),
            Said::Response(_) | Said::Nothing => return None,
        })
    }
}

/// Something that only Google's own clients understand.
pub(super) fn foreign(kind: &str, value: Value<'_>) -> Foreign {
    Foreign { protocol: Protocol::Gemini, kind: kind.to_owned(), json: value.json() }
}

/// The arguments of a call, unless there are none.
pub(super) fn arguments(call: &Object<'_>) -> Option<String> {
    call.get("args").filter(|args| args.kind() == Kind::Object).map(Value::compact)
}

/// The id of a call: Google's own, or one made for it; in any case one that no other call of the answer has.
pub(super) fn id(call: &Object<'_>, seed: Seed, ids: &mut Vec<String>) -> String {
    let given = call.text("id").filter(|id| !id.is_empty() && !ids.iter().any(|known| known == id));
    let id = given.map_or_else(|| seed.id(ids.len()), Into::into);
    ids.push(id.clone());
    id
}

/// Google says that the model stopped when it has called functions.
pub(super) fn with_calls(finish: Finish, calls: bool) -> Finish {
    let reason = if calls && finish.reason == Reason::Stop { Reason::ToolCalls } else { finish.reason };
    Finish { reason, ..finish }
}

/// Puts each citation to its text: the part it names, else the one that holds its words, else the last.
fn cite(found: Vec<Found>, places: &[usize], parts: &mut [Part]) {
    for citation in found {
        let named = citation.part.and_then(|part| places.get(part).copied());
        let is_text = |place: &usize| matches!(parts.get(*place), Some(Part::Text(_)));
        let holds = |part: &Part| match (part, &citation.words) {
            (Part::Text(text), Some(words)) => text.text.contains(words.as_str()),
            _ => false,
        };
        let place = named
            .filter(is_text)
            .or_else(|| parts.iter().position(holds))
            .or_else(|| parts.iter().rposition(|part| matches!(part, Part::Text(_))));
        if let Some(Part::Text(text)) = place.and_then(|place| parts.get_mut(place)) {
            let measure = Measure::of(&text.text);
            text.citations.push(citation.placed(&measure));
        }
    }
}

/// Writes an answer as a caller of this protocol expects it.
#[must_use]
pub fn encode_answer(answer: &Answer, echo: &Echo<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    build::object(&mut out, |members| {
        members.array("candidates", |items| {
            for (index, choice) in answer.choices.iter().enumerate() {
                items.object(|candidate| write_choice(choice, index, candidate));
            }
        });
        if let Some(tokens) = &answer.tokens {
            usage::write(tokens, members);
        }
        members.text("modelVersion", answer.model.as_deref().unwrap_or(echo.model));
        members.text("responseId", answer.id.as_deref().unwrap_or(echo.id));
    });
    out
}

fn write_choice(choice: &Choice, index: usize, candidate: &mut ObjectWriter<'_>) {
    let mut cited = Vec::new();
    let mut broken = None;
    let mut parts = vec![b'['];
    let mut items = ArrayWriter::of(&mut parts);
    let mut count = 0_usize;
    for part in &choice.parts {
        if let Part::ToolCall(call) = part
            && said::arguments(&call.arguments).is_none()
        {
            broken.get_or_insert(call);
            continue;
        }
        if !write_part(part, &mut items) {
            continue;
        }
        if let Part::Text(text) = part
            && !text.citations.is_empty()
        {
            let measure = Measure::of(&text.text);
            cited.extend(text.citations.iter().map(|citation| Written::new(citation, &measure, count)));
        }
        count += 1;
    }
    parts.push(b']');
    candidate.object("content", |content| {
        content.raw("parts", &parts);
        content.text("role", "model");
    });
    if let Some(finish) = &choice.finish {
        write_finish(finish, broken.map(|call| (call.name.as_str(), call.arguments.as_str())), candidate);
    }
    candidate.plain("index", index);
    citations::write(&cited, candidate);
    if let Some(logprobs) = &choice.logprobs {
        logprobs::write(logprobs, candidate);
    }
}

/// Appends `finishReason`. `broken` is a call whose arguments are no object, which has no form here: Google says of its
/// own that they are malformed, unless the limit cut them off.
pub(super) fn write_finish(finish: &Finish, broken: Option<(&str, &str)>, candidate: &mut ObjectWriter<'_>) {
    let (word, message) = words::finish_word(finish);
    match broken {
        Some((name, arguments)) if word == "STOP" => {
            candidate.text("finishReason", "MALFORMED_FUNCTION_CALL");
            candidate.text("finishMessage", &format!("Malformed function call: {name}({arguments})"));
        }
        _ => {
            candidate.text("finishReason", word);
            candidate.text_if("finishMessage", message);
        }
    }
}

/// Appends a part, and says whether it has a form here. The tools that another provider ran have none.
pub(super) fn write_part(part: &Part, items: &mut ArrayWriter<'_>) -> bool {
    let carry = |signature: &Option<Signature>| {
        signature.as_ref().map(|signature| carried::carry(signature, false).into_owned())
    };
    match part {
        Part::Text(text) => said::text(items, &text.text, Voice::Said, carry(&text.signature).as_deref()),
        Part::Refusal(text) => said::text(items, text, Voice::Said, None),
        Part::Reasoning(thought) => {
            let signature = thought.signature.as_ref();
            let signature = signature.map(|signature| carried::carry(signature, thought.redacted));
            said::text(items, &thought.text, Voice::Thought, signature.as_deref());
        }
        Part::ToolCall(call) => {
            let arguments = said::arguments(&call.arguments).unwrap_or("{}");
            let signature = carry(&call.signature);
            said::call(items, Some(&call.id), &call.name, arguments, signature.as_deref());
        }
        Part::Media(media) => said::media(items, media, carry(&media.signature).as_deref()),
        Part::Foreign(foreign) if foreign.protocol == Protocol::Gemini => items.raw(foreign.json.as_str()),
        Part::Foreign(_) | Part::ToolResult(_) => return false,
    }
    true
}

#[cfg(test)]
mod tests;
