//! Streams: an answer cut into events, and events gathered into the answer they make. Holds every reader to the grammar
//! of `chat::Event`.

use domain::chat::{Answer, Choice, Event, Growth, Json, Opening, Part, Reasoning, Text, ToolCall};
use proptest::prelude::*;

use super::Says;
use super::answers::answer;

/// An answer and its events.
pub(crate) fn streamed(says: &Says) -> BoxedStrategy<(Answer, Vec<Event>)> {
    (answer(says), 1..7_usize).prop_map(|(answer, size)| (answer.clone(), cut(&answer, size))).boxed()
}

/// The events of `answer`, its texts cut into pieces of `size` characters.
pub(crate) fn cut(answer: &Answer, size: usize) -> Vec<Event> {
    let mut events = vec![Event::Began { id: answer.id.clone(), model: answer.model.clone() }];
    for (number, choice) in (0..).zip(&answer.choices) {
        let mut logprobs = choice.logprobs.clone();
        for (index, part) in (0..).zip(&choice.parts) {
            let (opening, mut growths) = taken_apart(part, size);
            if matches!(part, Part::Text(_) | Part::Refusal(_)) {
                growths.extend(logprobs.take().map(Growth::Logprobs));
            }
            events.push(Event::PartBegan { choice: number, index, part: opening });
            let grown = growths.into_iter().map(|by| Event::PartGrew { choice: number, index, by });
            events.extend(grown);
            events.push(Event::PartEnded { choice: number, index });
        }
        events.extend(choice.finish.clone().map(|finish| Event::Finished { choice: number, finish }));
    }
    events.extend(answer.tokens.map(Event::Used));
    events
}

fn pieces(text: &str, size: usize) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    characters.chunks(size).map(|piece| piece.iter().collect()).collect()
}

fn taken_apart(part: &Part, size: usize) -> (Opening, Vec<Growth>) {
    match part {
        Part::Text(text) => {
            let mut growths: Vec<Growth> = pieces(&text.text, size).into_iter().map(Growth::Text).collect();
            growths.extend(text.citations.iter().cloned().map(Growth::Citation));
            growths.extend(text.signature.clone().map(Growth::Signature));
            (Opening::Text, growths)
        }
        Part::Reasoning(thought) => {
            let mut growths: Vec<Growth> =
                pieces(&thought.text, size).into_iter().map(Growth::Text).collect();
            growths.extend(thought.signature.clone().map(Growth::Signature));
            (Opening::Reasoning { id: thought.id.clone(), redacted: thought.redacted }, growths)
        }
        Part::Refusal(words) => {
            (Opening::Refusal, pieces(words, size).into_iter().map(Growth::Text).collect())
        }
        Part::ToolCall(call) => {
            let arguments = if call.arguments == "{}" { "" } else { &call.arguments };
            let opening = Opening::ToolCall {
                id: call.id.clone(),
                name: call.name.clone(),
                signature: call.signature.clone(),
            };
            (opening, pieces(arguments, size).into_iter().map(Growth::Arguments).collect())
        }
        Part::Media(media) => (Opening::Media(media.clone()), vec![]),
        Part::Foreign(foreign) => (Opening::Foreign(foreign.clone()), vec![]),
        Part::ToolResult(_) => panic!("no answer holds a result"),
    }
}

/// The answer that `events` make. Panics where they break the grammar, so that every test of a reader holds it to that.
pub(crate) fn gather(events: &[Event]) -> Answer {
    let mut answer = Answer::default();
    let mut open: Vec<bool> = Vec::new();
    let mut began = false;
    for event in events {
        assert!(began || matches!(event, Event::Began { .. }), "{event:?} before the answer began");
        match event {
            Event::Began { id, model } => {
                assert!(!began, "an answer begins once");
                began = true;
                (answer.id, answer.model) = (id.clone(), model.clone());
            }
            Event::PartBegan { choice, index, part } => {
                let (choice, open) = choice_at(&mut answer, &mut open, *choice);
                assert!(!*open, "a part begins while another is open: {event:?}");
                assert_eq!(choice.parts.len(), *index as usize, "{event:?}");
                assert!(choice.finish.is_none(), "a part after the end: {event:?}");
                choice.parts.push(begun(part));
                *open = true;
            }
            Event::PartGrew { choice, index, by } => {
                let (choice, open) = choice_at(&mut answer, &mut open, *choice);
                assert!(*open && choice.parts.len() == *index as usize + 1, "{event:?}");
                grow(choice, by);
            }
            Event::PartEnded { choice, index } => {
                let (choice, open) = choice_at(&mut answer, &mut open, *choice);
                assert!(*open && choice.parts.len() == *index as usize + 1, "{event:?}");
                *open = false;
                if let Some(Part::ToolCall(call)) = choice.parts.last_mut()
                    && call.arguments.is_empty()
                {
                    call.arguments.push_str("{}");
                }
            }
            Event::Finished { choice, finish } => {
                let (choice, open) = choice_at(&mut answer, &mut open, *choice);
                assert!(!*open && choice.finish.is_none(), "{event:?}");
                choice.finish = Some(finish.clone());
            }
            Event::Used(tokens) => answer.tokens = Some(*tokens),
        }
    }
    answer
}

fn choice_at<'a>(
    answer: &'a mut Answer,
    open: &'a mut Vec<bool>,
    number: u32,
) -> (&'a mut Choice, &'a mut bool) {
    let number = number as usize;
    while answer.choices.len() <= number {
        answer.choices.push(Choice::default());
        open.push(false);
    }
    (&mut answer.choices[number], &mut open[number])
}

fn begun(opening: &Opening) -> Part {
    match opening {
        Opening::Text => Part::Text(Text::default()),
        Opening::Reasoning { id, redacted } => {
            Part::Reasoning(Reasoning { id: id.clone(), redacted: *redacted, ..Reasoning::default() })
        }
        Opening::Refusal => Part::Refusal(String::new()),
        Opening::ToolCall { id, name, signature } => {
            assert!(!id.is_empty(), "a call without an id");
            Part::ToolCall(ToolCall {
                id: id.clone(),
                name: name.clone(),
                arguments: String::new(),
                signature: signature.clone(),
                cache: None,
            })
        }
        Opening::Media(media) => Part::Media(media.clone()),
        Opening::Foreign(foreign) => Part::Foreign(foreign.clone()),
    }
}

fn grow(choice: &mut Choice, by: &Growth) {
    let part = choice.parts.last_mut();
    match (part, by) {
        (Some(Part::Text(text)), Growth::Text(more)) => text.text.push_str(nonempty(more)),
        (Some(Part::Text(text)), Growth::Citation(citation)) => text.citations.push(citation.clone()),
        (Some(Part::Text(text)), Growth::Signature(signature)) => text.signature = Some(signature.clone()),
        (Some(Part::Text(_) | Part::Refusal(_)), Growth::Logprobs(more)) => {
            choice.logprobs = Some(joined(choice.logprobs.take(), more));
        }
        (Some(Part::Reasoning(thought)), Growth::Text(more)) => {
            assert!(!thought.redacted, "words of a withheld thought");
            thought.text.push_str(nonempty(more));
        }
        (Some(Part::Reasoning(thought)), Growth::Signature(signature)) => {
            thought.signature = Some(signature.clone());
        }
        (Some(Part::Refusal(words)), Growth::Text(more)) => words.push_str(nonempty(more)),
        (Some(Part::ToolCall(call)), Growth::Arguments(more)) => call.arguments.push_str(nonempty(more)),
        (Some(Part::ToolCall(call)), Growth::Signature(signature)) => {
            call.signature = Some(signature.clone())
        }
        (part, by) => panic!("{part:?} cannot grow by {by:?}"),
    }
}

fn nonempty(more: &str) -> &str {
    assert!(!more.is_empty(), "growth by nothing");
    more
}

/// The chances of all words, those of each event after those before.
fn joined(before: Option<Json>, more: &Json) -> Json {
    let Some(before) = before else { return more.clone() };
    let read = |json: &Json| serde_json::from_str::<serde_json::Value>(json.as_str()).unwrap();
    let (mut all, more) = (read(&before), read(more));
    if let (Some(all), Some(more)) = (all["content"].as_array_mut(), more["content"].as_array()) {
        all.extend(more.iter().cloned());
    }
    Json::new(all.to_string())
}

#[cfg(test)]
mod tests {
    use domain::chat::{Finish, Reason};
    use domain::protocol::Protocol;

    use super::*;
    use crate::strategies::Can;

    fn everything() -> Says {
        Says {
            protocol: Protocol::Chat,
            can: vec![
                Can::Choices,
                Can::SeveralTexts,
                Can::ImageSaid,
                Can::Reasoning,
                Can::ReasoningSignature,
                Can::ReasoningRedacted,
                Can::ReasoningId,
                Can::SeveralThoughts,
                Can::Refusal,
                Can::ToolCalls,
                Can::CallSignature,
                Can::ParallelCalls,
                Can::TextBesideCalls,
                Can::TextSignature,
                Can::Citations,
                Can::CacheRead,
                Can::CacheWrite,
                Can::ReasoningTokens,
            ],
            ids: "call_[a-z0-9]{8}",
            finishes: vec![Finish::new(Reason::Stop)],
            calls_finish: Finish::new(Reason::ToolCalls),
        }
    }

    proptest! {
        #[test]
        fn an_answer_that_is_cut_can_be_gathered((answer, events) in streamed(&everything())) {
            prop_assert_eq!(gather(&events), answer);
        }
    }
}
