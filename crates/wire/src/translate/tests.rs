use domain::chat::{Answer, Part, Reason};
use domain::protocol::Protocol;
use proptest::prelude::*;

use super::samples::{CALLERS, Seen, TOTAL, WORDS, error, events, framed, pairs, read, stream, translated};
use crate::dialect;
use crate::failure::ErrorBody;
use crate::strategies::gather;
use crate::tap::{Broken, Ending, State};

fn whole(upstream: Protocol, caller: Protocol, stream: &[u8]) -> Seen {
    translated(upstream, caller, [stream])
}

/// What a caller that reads `stream` understands.
fn understood(caller: Protocol, stream: &str) -> Answer {
    let (events, complete) = read(caller, stream);
    assert!(complete, "{caller:?}: {stream}");
    gather(&events)
}

fn words(answer: &Answer) -> String {
    let texts = answer.choices[0].parts.iter().filter_map(|part| match part {
        Part::Text(text) => Some(text.text.as_str()),
        _ => None,
    });
    texts.collect()
}

fn calls(answer: &Answer) -> Vec<(&str, serde_json::Value)> {
    let calls = answer.choices[0].parts.iter().filter_map(|part| match part {
        Part::ToolCall(call) => Some((call.name.as_str(), serde_json::from_str(&call.arguments).unwrap())),
        _ => None,
    });
    calls.collect()
}

#[test]
fn every_pair_says_the_same() {
    for (upstream, caller) in pairs() {
        let seen = whole(upstream, caller, &stream(upstream, &events(upstream)));
        let pair = format!("{upstream:?} to {caller:?}: {seen:?}");
        assert_eq!((seen.fed, seen.ending), (Ok(()), Ending::Done { owed: b"" }), "{pair}");
        assert_eq!(seen.tokens.unwrap().total(), TOTAL, "{pair}");
        assert!(seen.started && seen.output_bytes > 0 && seen.error.is_none(), "{pair}");
        let answer = understood(caller, &seen.out);
        assert_eq!(words(&answer), WORDS, "{pair}");
        let expect = [("weather", serde_json::json!({ "city": "Oslo" })), ("now", serde_json::json!({}))];
        assert_eq!(calls(&answer), expect, "{pair}");
        assert_eq!(answer.choices[0].finish.as_ref().unwrap().reason, Reason::ToolCalls, "{pair}");
        assert_eq!(answer.tokens.unwrap().total(), TOTAL, "{pair}");
        let ids: std::collections::HashSet<_> = answer.choices[0]
            .parts
            .iter()
            .filter_map(|part| match part {
                Part::ToolCall(call) => Some(call.id.clone()),
                _ => None,
            })
            .collect();
        assert_eq!(ids.len(), 2, "{pair}");
    }
}

#[test]
fn wire_fact_37_no_border_between_reads_matters() {
    for (upstream, caller) in pairs() {
        let stream = stream(upstream, &events(upstream));
        let expect = whole(upstream, caller, &stream);
        assert_eq!(translated(upstream, caller, stream.chunks(1)), expect, "{upstream:?} {caller:?} by byte");
        let by_event: Vec<Vec<u8>> =
            events(upstream).into_iter().map(|event| framed(upstream, event)).collect();
        let by_event = translated(upstream, caller, by_event.iter().map(Vec::as_slice));
        assert_eq!(by_event, expect, "{upstream:?} {caller:?} by event");
        // Every border was met above; here the pieces are large.
        for place in (0..stream.len()).step_by(5) {
            let (left, right) = stream.split_at(place);
            assert_eq!(
                translated(upstream, caller, [left, right]),
                expect,
                "{upstream:?} {caller:?} cut at {place}"
            );
        }
    }
}

#[test]
fn wire_fact_36_line_ends_comments_and_marks_change_nothing() {
    for (upstream, caller) in pairs().filter(|(upstream, _)| *upstream != Protocol::Bedrock) {
        let plain = String::from_utf8(stream(upstream, &events(upstream))).unwrap();
        let expect = whole(upstream, caller, plain.as_bytes());
        let variants = [
            plain.replace('\n', "\r\n"),
            plain.replace('\n', "\r"),
            format!("\u{feff}{plain}"),
            plain.replace("\n\n", "\n\n: wait\n\n"),
            plain.replace("data: ", "data:"),
            plain.replace("data: ", "id: 7\nretry: 5\nfoo\ndata: "),
            plain.replace("\n\n", "\n\ndata:\n\n"),
            format!(": OPENROUTER PROCESSING\n\n{plain}"),
        ];
        for variant in variants {
            for pieces in [vec![variant.as_bytes()], variant.as_bytes().chunks(1).collect()] {
                assert_eq!(
                    translated(upstream, caller, pieces),
                    expect,
                    "{upstream:?} to {caller:?}: {variant:?}"
                );
            }
        }
    }
}

#[test]
fn a_kind_may_stand_after_its_data_or_be_missing() {
    for (upstream, caller) in pairs().filter(|(upstream, _)| *upstream != Protocol::Bedrock) {
        let expect = whole(upstream, caller, &stream(upstream, &events(upstream)));
        let turned = |(kind, data): (&str, &str)| match kind {
            "" => format!("data: {data}\n\n"),
            kind => format!("data: {data}\nevent: {kind}\n\n"),
        };
        let after: String = events(upstream).into_iter().map(turned).collect();
        let without: String =
            events(upstream).into_iter().map(|(_, data)| format!("data: {data}\n\n")).collect();
        assert_eq!(whole(upstream, caller, after.as_bytes()), expect, "{upstream:?} to {caller:?}");
        assert_eq!(whole(upstream, caller, without.as_bytes()), expect, "{upstream:?} to {caller:?}");
    }
}

#[test]
fn wire_fact_24_a_stream_that_is_cut_off_is_no_success() {
    for (upstream, caller) in pairs() {
        let events = events(upstream);
        let end = match upstream {
            // These name the reason before what ends them: a stream in which that was said lacks a mark and no more.
            Protocol::Chat | Protocol::Bedrock | Protocol::Anthropic => {
                events.iter().position(|(kind, data)| {
                    *kind == "messageStop" || data.contains("finish_reason\":\"") || *kind == "message_delta"
                })
            }
            _ => Some(events.len() - 1),
        };
        for kept in 0..end.unwrap() {
            let seen = whole(upstream, caller, &stream(upstream, &events[..kept]));
            let pair = format!("{upstream:?} to {caller:?} after {kept}: {seen:?}");
            assert!(seen.failed() && seen.fed.is_ok(), "{pair}");
            assert!(kept == 0 || !read(caller, &seen.out).1, "{pair}");
        }
        let all = stream(upstream, &events);
        let half = framed(upstream, events[end.unwrap()]).len() / 2
            + stream(upstream, &events[..end.unwrap()]).len();
        let seen = whole(upstream, caller, &all[..half]);
        assert!(seen.failed(), "{upstream:?} to {caller:?} within its end: {seen:?}");
    }
}

#[test]
fn wire_fact_46_an_error_first_has_nothing_before_it_and_one_later_ends_what_was() {
    for (upstream, caller) in pairs() {
        let first = whole(upstream, caller, &stream(upstream, &[error(upstream)]));
        let pair = format!("{upstream:?} to {caller:?}: {first:?}");
        assert_eq!(
            (first.state, first.ending, first.fed),
            (State::Failed, Ending::NoTerminal, Ok(())),
            "{pair}"
        );
        assert!(
            first.out.is_empty() && !first.started && first.events == 0 && first.tokens.is_none(),
            "{pair}"
        );
        assert_eq!(first.error.unwrap().message, "overloaded", "{pair}");

        let events = events(upstream);
        let (before, after) = events.split_at(events.len().min(5) - 1);
        let begun = [before, &[error(upstream)], after].concat();
        let late = whole(upstream, caller, &stream(upstream, &begun));
        let pair = format!("{upstream:?} to {caller:?}: {late:?}");
        assert_eq!((late.state, late.ending), (State::Failed, Ending::NoTerminal), "{pair}");
        assert_eq!(late.error.unwrap().message, "overloaded", "{pair}");
        assert!(!read(caller, &late.out).1, "{pair}");
    }
}

#[test]
fn a_failure_in_mid_stream_is_told_in_the_callers_dialect() {
    let error = ErrorBody {
        status: 502,
        message: "the upstream broke off",
        kind: "upstream_error",
        param: None,
        code: "upstream_failed",
        request_id: "req_1",
    };
    for (upstream, caller) in pairs() {
        let echo = crate::dialect::Echo { id: "g", model: "m", created: 1, asks_usage: false, body: b"{}" };
        let mut translator = super::Translator::new(upstream, caller, &echo);
        let event = String::from_utf8(translator.fail(&error).to_vec()).unwrap();
        let read = crate::sse::Event::read(event.as_bytes());
        let told = crate::failure::read_error(&read.data.unwrap()).unwrap();
        assert_eq!(told.message, "the upstream broke off", "{caller:?}: {event}");
        assert!(event.replace('\r', "").ends_with("\n\n"), "{caller:?}: {event}");
    }
}

#[test]
fn what_ends_a_stream_or_cannot_be_read_is_no_event() {
    let count = |stream: &str| whole(Protocol::Chat, Protocol::Anthropic, stream.as_bytes()).events;
    let word = r#"data: {"id":"c","choices":[{"index":0,"delta":{"content":"hi"}}]}"#;
    assert_eq!(count("data: [DONE]\n\n"), 0);
    assert_eq!(count(&format!("{word}\n\n: wait\n\ndata: [DONE]\n\n")), 1);
    assert_eq!(count("data: {bad}\n\n"), 0, "what cannot be read has not begun");
}

#[test]
fn what_one_calls_its_sources_is_cited_in_every_other_protocol() {
    let chunk = |more: &str| {
        format!(r#"data: {{"id":"c","choices":[{{"index":0,"delta":{{"content":"hi"}}}}]{more}}}"#)
    };
    let sources = r#","citations":["https://a.example/","https://b.example/"],"search_results":[{"title":"A","url":"https://a.example/","snippet":"said"},{"title":"none"}]"#;
    let stream = format!(
        "{}\n\n{}\n\ndata: {{\"id\":\"c\",\"choices\":[{{\"index\":0,\"delta\":{{}},\"finish_reason\":\"stop\"}}]}}\n\ndata: [DONE]\n\n",
        chunk(""),
        chunk(sources),
    );
    let body = format!(
        r#"{{"id":"c","choices":[{{"index":0,"message":{{"role":"assistant","content":"hihi"}},"finish_reason":"stop"}}]{sources}}}"#
    );
    let cited = |answer: &Answer| {
        let [Part::Text(text)] = answer.choices[0].parts.as_slice() else { panic!("{answer:?}") };
        assert_eq!(text.text, "hihi");
        let pages = text.citations.iter().map(|page| (page.url.clone().unwrap(), page.title.clone()));
        pages.collect::<Vec<_>>()
    };
    let page = |url: &str, title: &str| (url.to_owned(), Some(title.to_owned()));
    let told = gather(&read(Protocol::Chat, &stream).0);
    let expect = [page("https://a.example/", "A"), ("https://b.example/".to_owned(), None)];
    assert_eq!(cited(&told), expect);
    let [Part::Text(text)] = told.choices[0].parts.as_slice() else { panic!("{told:?}") };
    assert_eq!(text.citations[0].quoted.as_deref(), Some("said"));
    assert_eq!(cited(&crate::openai::decode_answer(body.as_bytes()).unwrap()), expect);
    // This protocol's own word for a page without a title is its address.
    let seen = whole(Protocol::Chat, Protocol::Responses, stream.as_bytes());
    let expect = [page("https://a.example/", "A"), page("https://b.example/", "https://b.example/")];
    assert_eq!(cited(&understood(Protocol::Responses, &seen.out)), expect);
}

#[test]
fn what_is_placed_in_the_words_stands_for_the_sources_of_the_whole() {
    let note = r#"{"type":"url_citation","url_citation":{"url":"https://n.example/","start_index":0,"end_index":2}}"#;
    let stream = format!(
        "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"hi\",\"annotations\":[{note}]}},\"finish_reason\":\"stop\"}}],\"citations\":[\"https://a.example/\"]}}\n\ndata: [DONE]\n\n"
    );
    let body = format!(
        r#"{{"choices":[{{"message":{{"content":"hi","annotations":[{note}]}},"finish_reason":"stop"}}],"citations":["https://a.example/"]}}"#
    );
    for answer in
        [gather(&read(Protocol::Chat, &stream).0), crate::openai::decode_answer(body.as_bytes()).unwrap()]
    {
        let [Part::Text(text)] = answer.choices[0].parts.as_slice() else { panic!("{answer:?}") };
        let urls: Vec<_> = text.citations.iter().map(|page| page.url.as_deref().unwrap()).collect();
        assert_eq!(urls, ["https://n.example/"]);
    }
}

#[test]
fn wire_fact_03_the_signature_on_words_travels_through_callers_of_chat() {
    let stream = br#"data: {"responseId":"r","candidates":[{"index":0,"content":{"parts":[{"text":"Hm.","thought":true,"thoughtSignature":"dGhvdWdodA=="},{"text":"Hi"}]}}]}

data: {"responseId":"r","candidates":[{"index":0,"content":{"parts":[{"text":"","thoughtSignature":"d29yZHM="}]},"finishReason":"STOP"}]}

"#;
    let told = whole(Protocol::Gemini, Protocol::Chat, stream).out;
    let details: Vec<serde_json::Value> = told
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line.strip_prefix("data: ")?).ok())
        .filter_map(|chunk| chunk["choices"][0]["delta"]["reasoning_details"].as_array().cloned())
        .flatten()
        .collect();
    let body = br#"{"responseId":"r","candidates":[{"index":0,"content":{"parts":[{"text":"Hm.","thought":true,"thoughtSignature":"dGhvdWdodA=="},{"text":"Hi","thoughtSignature":"d29yZHM="}]},"finishReason":"STOP"}]}"#;
    let echo = crate::dialect::Echo { id: "g", model: "m", created: 1, asks_usage: false, body: b"{}" };
    let answer = dialect::translate_answer(Protocol::Gemini, Protocol::Chat, body, &echo).unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
    let streamed = serde_json::json!({ "role": "assistant", "content": "Hi", "reasoning_details": details });
    for message in [streamed, answer["choices"][0]["message"].clone()] {
        let request =
            serde_json::json!({ "model": "m", "messages": [{ "role": "user", "content": "?" }, message] });
        let read = dialect::decode_request(Protocol::Chat, request.to_string().as_bytes()).unwrap();
        let target = crate::dialect::Target {
            model: "gemini-3-pro",
            max_output_tokens: None,
            tool_ids: domain::chat::tool_id::Grammar::Any,
            usage_in_streams: crate::catalog::StreamUsage::OnRequest,
            chat: crate::openai::ChatForm::default(),
        };
        let sent = dialect::encode_request(Protocol::Gemini, &read, &target).unwrap().body;
        let sent: serde_json::Value = serde_json::from_slice(&sent).unwrap();
        let expect = serde_json::json!([
            { "text": "Hm.", "thought": true, "thoughtSignature": "dGhvdWdodA==" },
            { "text": "Hi", "thoughtSignature": "d29yZHM=" },
        ]);
        assert_eq!(sent["contents"][1]["parts"], expect, "{request}");
        // To nobody else is it shown, and no thought is made of it.
        for other in [Protocol::Chat, Protocol::Responses, Protocol::Anthropic, Protocol::Bedrock] {
            let sent = dialect::encode_request(other, &read, &target).unwrap().body;
            assert!(!String::from_utf8(sent).unwrap().contains("d29yZHM="), "{other:?}");
        }
    }
}

#[test]
fn an_event_is_bounded() {
    for (upstream, caller) in pairs().filter(|(upstream, _)| *upstream != Protocol::Bedrock) {
        let most = crate::tap::most_event_bytes(upstream);
        let large = format!("data: {{\"x\":\"{}\"}}\n\n", "a".repeat(most));
        for size in [10_000, usize::MAX] {
            let seen = translated(upstream, caller, large.as_bytes().chunks(size));
            assert_eq!(seen.fed, Err(Broken::EventTooLarge), "{upstream:?} to {caller:?}");
        }
    }
}

#[test]
fn what_is_no_stream_is_refused() {
    for (upstream, caller) in pairs() {
        for page in ["<html>502</html>", "{\"error\":{}}", "[1]"] {
            let seen = whole(upstream, caller, page.as_bytes());
            let refused = seen.fed.is_err() || upstream == Protocol::Bedrock;
            assert!(refused && seen.failed() && seen.out.is_empty(), "{upstream:?} to {caller:?}: {seen:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn damaged_streams_give_the_same_however_they_are_cut(
        pair in any::<prop::sample::Index>(), place in any::<prop::sample::Index>(), byte in any::<u8>(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let pairs: Vec<_> = pairs().collect();
        let (upstream, caller) = *pair.get(&pairs);
        let mut stream = stream(upstream, &events(upstream));
        let place = place.index(stream.len());
        stream[place] = byte;
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len())).collect();
        places.sort_unstable();
        let (mut pieces, mut at) = (vec![], 0);
        for place in places {
            pieces.push(&stream[at..place]);
            at = place;
        }
        pieces.push(&stream[at..]);
        prop_assert_eq!(translated(upstream, caller, pieces), whole(upstream, caller, &stream));
    }

    #[test]
    fn any_events_are_translated_or_refused(
        upstream in 0..5_usize, data in prop::collection::vec("\\{\"(type|choices|candidates|delta|item|usage|error)\":(\\[\\{\\}\\]|\\{\\}|5|\"x\"|null)\\}", 0..6),
    ) {
        let upstream = Protocol::ALL[upstream];
        let events: Vec<(&str, &str)> = data.iter().map(|data| ("", data.as_str())).collect();
        let stream = stream(upstream, &events);
        for caller in CALLERS.into_iter().filter(|caller| *caller != upstream) {
            prop_assert_eq!(translated(upstream, caller, stream.chunks(1)), whole(upstream, caller, &stream));
        }
    }
}
