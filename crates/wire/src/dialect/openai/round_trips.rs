//! What is written in this protocol and read again is what it was, as far as the protocol can say it.

use domain::chat::tool_id::{self, Grammar};
use domain::chat::{Answer, Event, Finish, Part, Reason, Request, Shown, Signature, Thinking};
use domain::protocol::Protocol;
use proptest::prelude::*;

use super::{
    ChatForm, StreamReader, StreamWriter, decode_answer, decode_request, encode_answer, encode_request,
};
use crate::catalog::StreamUsage;
use crate::dialect::{Echo, ReadStream, Target, WriteStream};
use crate::sse;
use crate::strategies::{self, Can, Says};

/// The target with this form.
pub(super) fn target(chat: ChatForm) -> Target<'static> {
    Target {
        model: "a-model",
        max_output_tokens: None,
        tool_ids: Grammar::Any,
        usage_in_streams: StreamUsage::OnRequest,
        chat,
    }
}

/// What answers echo, usage asked for.
pub(super) fn echo(body: &[u8]) -> Echo<'_> {
    Echo { id: "chatcmpl-echo", model: "echoed", created: 1_700_000_000, asks_usage: true, body }
}

/// The events that a stream of this protocol says.
pub(super) fn events_of(stream: &[u8]) -> Vec<Event> {
    let (mut reader, mut out) = (StreamReader::default(), Vec::new());
    for event in String::from_utf8(stream.to_vec()).unwrap().split_inclusive("\n\n") {
        let event = sse::Event::read(event.as_bytes());
        if event.data.is_some() && !reader.is_over() {
            reader.read(&event, &mut out).unwrap();
        }
    }
    if !reader.is_over() {
        assert!(reader.end(&mut out), "no end");
    }
    out
}

/// The stream that events become.
pub(super) fn written(events: &[Event], body: &[u8]) -> String {
    let (mut writer, mut out) = (StreamWriter::new(&echo(body)), Vec::new());
    for event in events {
        writer.write(event.clone(), &mut out);
    }
    writer.finish(&mut out);
    String::from_utf8(out).unwrap()
}

fn finish(reason: Reason, native: &str) -> Finish {
    Finish { reason, native: Some(native.to_owned()), stop_sequence: None }
}

fn says(can: &[Can]) -> Says {
    Says {
        protocol: Protocol::Chat,
        can: can.to_vec(),
        ids: "call_[a-z0-9]{8}",
        finishes: vec![
            finish(Reason::Stop, "stop"),
            finish(Reason::Stop, "eos"),
            finish(Reason::Length, "length"),
            finish(Reason::ContentFilter, "content_filter"),
        ],
        calls_finish: finish(Reason::ToolCalls, "tool_calls"),
    }
}

const CONVERSATION: &[Can] = &[
    Can::System,
    Can::SystemParts,
    Can::SystemAmid,
    Can::TurnName,
    Can::UserParts,
    Can::AssistantFirst,
    Can::ImageData,
    Can::ImageUrl,
    Can::Detail,
    Can::DocumentData,
    Can::DocumentName,
    Can::AudioData,
    Can::Refusal,
    Can::ToolCalls,
    Can::ParallelCalls,
    Can::TextBesideCalls,
    Can::ResultName,
    Can::ToolWithoutParameters,
    Can::ToolStrict,
    Can::ToolNamed,
    Can::ParallelToolCalls,
    Can::Temperature,
    Can::TopP,
    Can::Penalties,
    Can::Seed,
    Can::Stop,
    Can::Choices,
    Can::Logprobs,
    Can::Effort,
    Can::FormatJson,
    Can::FormatSchema,
    Can::SchemaName,
    Can::SchemaDescription,
    Can::SchemaStrict,
    Can::User,
    Can::ServiceTier,
    Can::Stream,
];

fn of_openai() -> Says {
    let more = [
        Can::Developer,
        Can::DocumentUploaded,
        Can::ResultParts,
        Can::ToolAmong,
        Can::ToolAmongFree,
        Can::Verbosity,
        Can::CacheKey,
    ];
    says(&[CONVERSATION, &more].concat())
}

fn of_openrouter() -> Says {
    let more = [
        Can::VideoData,
        Can::VideoUrl,
        Can::DocumentUrl,
        Can::ImageSaid,
        Can::Reasoning,
        Can::ReasoningSignature,
        Can::ReasoningRedacted,
        Can::ReasoningId,
        Can::SeveralThoughts,
        Can::Cache,
        Can::CacheTools,
        Can::CacheHour,
        Can::TopK,
        Can::Budget,
        Can::Dynamic,
        Can::Verbosity,
        Can::Modalities,
    ];
    says(&[CONVERSATION, &more].concat())
}

const ANSWER: &[Can] = &[
    Can::Choices,
    Can::ImageSaid,
    Can::Reasoning,
    Can::ReasoningSignature,
    Can::ReasoningRedacted,
    Can::ReasoningId,
    Can::SeveralThoughts,
    Can::Refusal,
    Can::ToolCalls,
    Can::ParallelCalls,
    Can::TextBesideCalls,
    Can::Citations,
    Can::CacheRead,
    Can::CacheWrite,
    Can::ReasoningTokens,
];

/// With ids that carry what the calls' providers demand back.
fn carrying(mut answer: Answer) -> Answer {
    for choice in &mut answer.choices {
        for part in &mut choice.parts {
            if let Part::ToolCall(call) = part
                && let Some(signature) = call.signature.take()
            {
                call.id = tool_id::with_signature(&call.id, &signature);
            }
        }
    }
    answer
}

proptest! {
    #[test]
    fn a_request_in_the_form_of_openai_reads_back(request in strategies::request(&of_openai())) {
        let encoded = encode_request(&request, &target(ChatForm::OPENAI)).unwrap();
        prop_assert_eq!(&encoded.dropped, &Vec::<String>::new());
        prop_assert_eq!(decode_request(&encoded.body).unwrap(), request);
    }

    #[test]
    fn a_request_in_the_form_of_openrouter_reads_back(request in strategies::request(&of_openrouter())) {
        let encoded = encode_request(&request, &target(ChatForm::OPENROUTER)).unwrap();
        prop_assert_eq!(&encoded.dropped, &Vec::<String>::new());
        // Its object of thinking is a wish to be told of the thoughts.
        let thinking = request.thinking.map(|thinking| Thinking { shown: Shown::Summary, ..thinking });
        prop_assert_eq!(decode_request(&encoded.body).unwrap(), Request { thinking, ..request });
    }

    #[test]
    fn what_is_written_for_any_provider_passes_the_strict_reader(request in strategies::request(&of_openrouter())) {
        for form in [ChatForm::COMPATIBLE, ChatForm::MISTRAL, ChatForm::DEEPSEEK, ChatForm::GROQ, ChatForm::OPENROUTER] {
            let Ok(encoded) = encode_request(&request, &target(form)) else { continue };
            let facts = super::read(domain::usage::Surface::Chat, &encoded.body).unwrap();
            prop_assert_eq!(facts.model, "a-model");
            prop_assert_eq!(facts.stream, request.stream);
            prop_assert_eq!(facts.max_output_tokens, request.max_output_tokens);
            let mut names = encoded.dropped.clone();
            names.sort();
            names.dedup();
            prop_assert_eq!(names.len(), encoded.dropped.len(), "each name once");
        }
    }

    #[test]
    fn a_whole_answer_reads_back(
        answer in strategies::answer(&says(&[ANSWER, &[Can::AnswerLogprobs, Can::AnswerServiceTier]].concat())),
    ) {
        prop_assert_eq!(decode_answer(&encode_answer(&answer, &echo(b"{}"))).unwrap(), answer);
    }

    #[test]
    fn a_stream_reads_back((answer, events) in strategies::streamed(&says(ANSWER))) {
        prop_assume!(!answer.choices.is_empty());
        let stream = written(&events, b"{}");
        prop_assert_eq!(strategies::gather(&events_of(stream.as_bytes())), answer);
    }

    #[test]
    fn a_stream_says_what_the_whole_answer_says((answer, events) in strategies::streamed(&says(ANSWER))) {
        prop_assume!(!answer.choices.is_empty());
        let whole = decode_answer(&encode_answer(&answer, &echo(b"{}"))).unwrap();
        prop_assert_eq!(strategies::gather(&events_of(written(&events, b"{}").as_bytes())), whole);
    }

    #[test]
    fn wire_fact_03_what_a_call_must_bring_back_rides_in_its_id(
        (answer, events) in strategies::streamed(&says(&[Can::ToolCalls, Can::ParallelCalls, Can::CallSignature])),
    ) {
        prop_assume!(!answer.choices.is_empty());
        let expect = carrying(answer.clone());
        prop_assert_eq!(&strategies::gather(&events_of(written(&events, b"{}").as_bytes())), &expect);
        prop_assert_eq!(&decode_answer(&encode_answer(&answer, &echo(b"{}"))).unwrap(), &expect);
        for choice in &expect.choices {
            for part in &choice.parts {
                let Part::ToolCall(call) = part else { continue };
                let returned: Option<Signature> = tool_id::split(&call.id).1;
                let sent = answer.choices.iter().flat_map(|choice| &choice.parts).any(|part| {
                    matches!(part, Part::ToolCall(sent) if sent.name == call.name && sent.signature == returned)
                });
                prop_assert!(sent);
            }
        }
    }
}
