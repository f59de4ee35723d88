//! What the protocol can say is the same after it was written and read again.

use domain::chat::{Answer, Finish, Part, Reason, Request};
use domain::protocol::Protocol;
use proptest::prelude::*;

use super::golden::{ECHO, events, target};
use super::{StreamWriter, decode_answer, decode_request, encode_answer, encode_request, read, read_answer};
use crate::dialect::WriteStream;
use crate::strategies::{self, Can, Says, gather};

fn finish(reason: Reason, native: &str) -> Finish {
    Finish { reason, native: Some(native.to_owned()), stop_sequence: None }
}

fn says(can: &[Can]) -> Says {
    Says {
        protocol: Protocol::Gemini,
        can: can.to_vec(),
        ids: "call_[a-z0-9]{6}",
        finishes: vec![
            finish(Reason::Stop, "STOP"),
            finish(Reason::Length, "MAX_TOKENS"),
            finish(Reason::ContentFilter, "PROHIBITED_CONTENT"),
            finish(Reason::Other, "MALFORMED_RESPONSE"),
        ],
        calls_finish: finish(Reason::ToolCalls, "STOP"),
    }
}

fn in_requests() -> Says {
    says(&[
        Can::System,
        Can::SystemParts,
        Can::UserParts,
        Can::TextAfterResults,
        Can::AssistantFirst,
        Can::SeveralTexts,
        Can::ImageData,
        Can::DocumentData,
        Can::AudioData,
        Can::VideoData,
        Can::ImageSaid,
        Can::Reasoning,
        Can::ReasoningSignature,
        Can::SeveralThoughts,
        Can::ToolCalls,
        Can::CallSignature,
        Can::ParallelCalls,
        Can::TextBesideCalls,
        Can::ResultError,
        Can::ResultName,
        Can::ResultImages,
        Can::TextSignature,
        Can::ToolWithoutParameters,
        Can::ToolNamed,
        Can::ToolAmong,
        Can::ToolAmongFree,
        Can::Temperature,
        Can::TopP,
        Can::TopK,
        Can::Penalties,
        Can::Seed,
        Can::Stop,
        Can::Choices,
        Can::Logprobs,
        Can::Effort,
        Can::Budget,
        Can::Dynamic,
        Can::Shown,
        Can::FormatJson,
        Can::FormatSchema,
        Can::Modalities,
    ])
}

const IN_STREAMS: [Can; 13] = [
    Can::ImageSaid,
    Can::Reasoning,
    Can::ReasoningSignature,
    Can::ToolCalls,
    Can::CallSignature,
    Can::ParallelCalls,
    Can::TextBesideCalls,
    Can::TextSignature,
    Can::Choices,
    Can::CacheRead,
    Can::ReasoningTokens,
    Can::AnswerLogprobs,
    Can::SystemParts,
];

fn in_answers() -> Says {
    let mut can = IN_STREAMS.to_vec();
    can.extend([Can::Citations, Can::SeveralTexts, Can::SeveralThoughts]);
    says(&can)
}

/// Thoughts without a signature stay behind: Google takes back only what it can prove.
fn with_signed_thoughts(mut request: Request) -> Request {
    for turn in &mut request.turns {
        turn.parts.retain(|part| !matches!(part, Part::Reasoning(thought) if thought.signature.is_none()));
    }
    request
}

/// Citations end where their text ends.
fn with_places_in_the_text(mut answer: Answer) -> Answer {
    for part in answer.choices.iter_mut().flat_map(|choice| &mut choice.parts) {
        if let Part::Text(text) = part {
            let most = u64::try_from(text.text.chars().count()).unwrap();
            for citation in &mut text.citations {
                citation.start = citation.start.map(|start| start.min(most));
                citation.end = citation.end.map(|end| end.min(most));
            }
        }
    }
    answer
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn requests_come_back(request in strategies::request(&in_requests())) {
        let request = with_signed_thoughts(request);
        let written = encode_request(&request, &target("gemini-3-flash")).unwrap();
        prop_assert_eq!(&written.dropped, &Vec::<String>::new());
        prop_assert!(read(&written.body, "gemini-3-flash", true).is_ok());
        prop_assert_eq!(decode_request(&written.body).unwrap(), request);
    }

    #[test]
    fn answers_come_back(answer in strategies::answer(&in_answers())) {
        let answer = with_places_in_the_text(answer);
        prop_assume!(!answer.choices.is_empty());
        let written = encode_answer(&answer, &ECHO);
        let facts = read_answer(&written).unwrap();
        prop_assert_eq!(facts.tokens, answer.tokens);
        prop_assert_eq!(facts.error, None);
        prop_assert_eq!(decode_answer(&written).unwrap(), answer);
    }

    #[test]
    fn streams_come_back((answer, said) in strategies::streamed(&says(&IN_STREAMS))) {
        prop_assume!(!answer.choices.is_empty());
        let mut writer = StreamWriter::new(&ECHO);
        let mut out = Vec::new();
        // Chances belong to words: where nothing is said, nothing tells them.
        let answer = Answer { tokens: answer.tokens, ..gather(&said) };
        for event in said {
            writer.write(event, &mut out);
        }
        writer.finish(&mut out);
        let (read, complete) = events(&out).unwrap();
        prop_assert!(complete);
        prop_assert_eq!(gather(&read), answer);
    }

    #[test]
    fn nothing_panics(body in "\\PC{0,60}", start in 0..4_usize) {
        let starts = ["", "{\"contents\":", "{\"candidates\":[", "{\"contents\":[{\"parts\":[{\"functionCall\":"];
        let body = format!("{}{body}", starts[start]);
        let _ = read(body.as_bytes(), "m", false);
        let _ = decode_request(body.as_bytes());
        let _ = read_answer(body.as_bytes());
        let _ = decode_answer(body.as_bytes());
    }
}
