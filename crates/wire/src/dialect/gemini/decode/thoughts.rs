//! Thoughts that a client gathered from a stream: it sends back the pieces as they came, and what proves them stands on the
//! last one. To every other protocol they are one thought.

use domain::chat::{Part, Reasoning, Role, Turn};

/// Whether a turn of the model breaks off in a thought that nothing proves yet: what follows goes on with it.
pub(super) fn breaks_off(turn: &Turn) -> bool {
    turn.role == Role::Assistant
        && matches!(turn.parts.last(), Some(Part::Reasoning(thought)) if is_open(thought))
}

/// Makes one of the pieces of each thought.
pub(super) fn join(turns: &mut [Turn]) {
    for turn in turns.iter_mut().filter(|turn| turn.role == Role::Assistant) {
        let mut joined: Vec<Part> = Vec::with_capacity(turn.parts.len());
        for part in turn.parts.drain(..) {
            match (joined.last_mut(), part) {
                (Some(Part::Reasoning(before)), Part::Reasoning(next))
                    if is_open(before) && !next.redacted =>
                {
                    before.text.push_str(&next.text);
                    before.signature = next.signature;
                }
                (_, part) => joined.push(part),
            }
        }
        turn.parts = joined;
    }
}

fn is_open(thought: &Reasoning) -> bool {
    thought.signature.is_none() && !thought.redacted
}
