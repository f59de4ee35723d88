//! What is written reads back: requests, whole answers and streams, made at random within what the protocol can say.

use domain::chat::{Answer, Finish, Part, Reason, Request, Role, Signature, Tool, Turn};
use domain::protocol::Protocol;
use proptest::prelude::*;
use serde_json::Value;

use super::golden::{ECHO, target};
use super::{StreamReader, StreamWriter, decode_answer, decode_request, encode_answer, encode_request, read};
use crate::dialect::{ReadStream as _, WriteStream as _};
use crate::sse::{Event, Framer};
use crate::strategies::{self, Can, Says};

fn finish(reason: Reason, native: &str) -> Finish {
    Finish { reason, native: Some(native.to_owned()), stop_sequence: None }
}

fn says(can: Vec<Can>) -> Says {
    Says {
        protocol: Protocol::Responses,
        can,
        ids: "call_[a-zA-Z0-9]{8}",
        finishes: vec![
            finish(Reason::Stop, "completed"),
            finish(Reason::Length, "max_output_tokens"),
            finish(Reason::ContentFilter, "content_filter"),
        ],
        calls_finish: finish(Reason::ToolCalls, "completed"),
    }
}

fn requests() -> Says {
    says(vec![
        Can::System,
        Can::SystemParts,
        Can::SystemAmid,
        Can::Developer,
        Can::UserParts,
        Can::AssistantFirst,
        Can::SeveralTexts,
        Can::ImageData,
        Can::ImageUrl,
        Can::ImageUploaded,
        Can::Detail,
        Can::DocumentData,
        Can::DocumentUrl,
        Can::DocumentUploaded,
        Can::DocumentName,
        Can::Reasoning,
        Can::ReasoningSignature,
        Can::ReasoningId,
        Can::SeveralThoughts,
        Can::Refusal,
        Can::ToolCalls,
        Can::ParallelCalls,
        Can::TextBesideCalls,
        Can::ResultName,
        Can::ResultParts,
        Can::ResultImages,
        Can::ToolStrict,
        Can::ToolNamed,
        Can::ToolAmong,
        Can::ToolAmongFree,
        Can::ParallelToolCalls,
        Can::Temperature,
        Can::TopP,
        Can::Logprobs,
        Can::Effort,
        Can::Shown,
        Can::FormatJson,
        Can::FormatSchema,
        Can::SchemaName,
        Can::SchemaDescription,
        Can::SchemaStrict,
        Can::Verbosity,
        Can::User,
        Can::CacheKey,
        Can::ServiceTier,
        Can::Stream,
    ])
}

fn answers() -> Says {
    says(vec![
        Can::SeveralTexts,
        Can::Reasoning,
        Can::ReasoningSignature,
        Can::ReasoningId,
        Can::SeveralThoughts,
        Can::ToolCalls,
        Can::ParallelCalls,
        Can::TextBesideCalls,
        Can::Citations,
        Can::CacheRead,
        Can::CacheWrite,
        Can::ReasoningTokens,
        Can::AnswerLogprobs,
        Can::AnswerServiceTier,
    ])
}

/// The request in the words that this protocol has for it.
fn in_its_words(mut request: Request) -> Request {
    for part in request.turns.iter_mut().flat_map(|turn| &mut turn.parts) {
        match part {
            // A thought goes back only when it is signed.
            Part::Reasoning(thought) => {
                thought.signature.get_or_insert_with(|| Signature::new(Protocol::Responses, "sig="));
            }
            Part::Media(media) => media.detail = media.detail.take().filter(|detail| detail != "auto"),
            Part::ToolResult(result) => {
                for part in &mut result.parts {
                    if let Part::Media(media) = part {
                        media.detail = media.detail.take().filter(|detail| detail != "auto");
                    }
                }
            }
            _ => {}
        }
    }
    request.turns.retain(|turn| !turn.parts.is_empty());
    request.turns = joined(request.turns);
    for tool in &mut request.tools {
        if let Tool::Function(function) = tool {
            function.strict.get_or_insert(false);
        }
    }
    if request.tools.is_empty() {
        request.parallel_tool_calls = None;
    }
    request
}

/// Turns of the model that follow each other, joined where their items do not tell where one ends: messages do.
fn joined(turns: Vec<Turn>) -> Vec<Turn> {
    let is_said = |part: Option<&Part>| matches!(part, Some(Part::Text(_) | Part::Refusal(_)));
    let mut out: Vec<Turn> = Vec::new();
    for turn in turns {
        match out.last_mut().filter(|last| (last.role, turn.role) == (Role::Assistant, Role::Assistant)) {
            Some(last)
                if !is_said(last.parts.last())
                    || !is_said(turn.parts.first())
                    || last.parts.iter().any(|part| matches!(part, Part::ToolCall(_))) =>
            {
                last.parts.extend(turn.parts);
            }
            _ => out.push(turn),
        }
    }
    out
}

/// The answer in the words that this protocol has for it.
fn in_its_answer(mut answer: Answer) -> Answer {
    answer.id = answer.id.map(|id| format!("resp_{id}"));
    for choice in &mut answer.choices {
        if !choice.parts.iter().any(|part| matches!(part, Part::Text(_))) {
            choice.logprobs = None;
        }
    }
    answer
}

/// The answer without what only its reader adds: names it made, and citations as they were written.
fn without_additions(mut answer: Answer) -> Answer {
    for part in answer.choices.iter_mut().flat_map(|choice| &mut choice.parts) {
        match part {
            Part::Reasoning(thought) => {
                thought.id = thought.id.take().filter(|id| !id.starts_with("rs_req_1_"))
            }
            Part::Text(text) => text.citations.iter_mut().for_each(|citation| citation.native = None),
            _ => {}
        }
    }
    answer
}

/// The events of a stream.
pub(super) fn events(mut stream: &[u8]) -> Vec<&[u8]> {
    let (mut framer, mut events) = (Framer::default(), Vec::new());
    while let Some(end) = framer.event_end(stream) {
        let (event, rest) = stream.split_at(end);
        events.push(event);
        stream = rest;
    }
    assert!(stream.is_empty());
    events
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_request_reads_back(request in strategies::request(&requests())) {
        let request = in_its_words(request);
        let encoded = encode_request(&request, &target()).unwrap();
        prop_assert_eq!(&encoded.dropped, &Vec::<String>::new());
        if !request.turns.is_empty() {
            prop_assert!(read(&encoded.body).is_ok() || encoded.body.windows(10).any(|it| it == br#""input":[]"#));
        }
        prop_assert_eq!(decode_request(&encoded.body).unwrap(), request);
    }

    #[test]
    fn a_whole_answer_reads_back(answer in strategies::answer(&answers())) {
        let written = encode_answer(&answer, &ECHO);
        prop_assert_eq!(without_additions(decode_answer(&written).unwrap()), in_its_answer(answer));
    }

    #[test]
    fn a_streamed_answer_reads_back_and_ends_with_the_whole((mut answer, told) in strategies::streamed(&answers())) {
        answer.service_tier = None;
        let (mut writer, mut stream) = (StreamWriter::new(&ECHO), Vec::new());
        told.into_iter().for_each(|event| writer.write(event, &mut stream));
        writer.finish(&mut stream);
        let (mut reader, mut read) = (StreamReader::default(), Vec::new());
        let mut last = Value::Null;
        for (number, event) in events(&stream).into_iter().enumerate() {
            let event = Event::read(event);
            last = serde_json::from_slice(event.data.as_deref().unwrap()).unwrap();
            prop_assert_eq!(last["sequence_number"].as_u64(), u64::try_from(number).ok());
            prop_assert_eq!(last["type"].as_str().unwrap().as_bytes(), event.kind);
            reader.read(&event, &mut read).unwrap();
        }
        prop_assert!(reader.is_over() && reader.end(&mut read));
        let whole: Value = serde_json::from_slice(&encode_answer(&answer, &ECHO)).unwrap();
        prop_assert_eq!(&last["response"], &whole);
        prop_assert_eq!(without_additions(strategies::gather(&read)), in_its_answer(answer));
    }
}
