//! Completions, the older text protocol: a prompt, or several, given as text or as token numbers.

use serde::Deserialize;

use super::models::{self, Want};
use super::plan::{Bounds, Choice, Delivery, Kind, OneOrMany, Plan, Said, StreamOptions, choices_asked};
use super::refusal::Refusal;
use super::words;

/// Tokens of an answer when the request does not say, as at OpenAI.
const DEFAULT_MAX_TOKENS: usize = 16;
/// Most prompts of one request.
const MAX_PROMPTS: usize = 128;

/// A request to `/v1/completions`. Members that are not here change nothing.
#[derive(Deserialize)]
pub(super) struct Request {
    model: Option<String>,
    prompt: Option<Input>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    max_tokens: Option<u64>,
    n: Option<u64>,
    stop: Option<OneOrMany>,
    echo: Option<bool>,
}

/// What this protocol and the one of embeddings take as input.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Input {
    Text(String),
    Texts(Vec<String>),
    Tokens(Vec<u32>),
    TokenLists(Vec<Vec<u32>>),
}

/// One input as text, with its tokens counted.
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) tokens: usize,
}

impl Input {
    /// The inputs as texts; token numbers become the text of the numbers.
    pub(super) fn into_pieces(self) -> Vec<Piece> {
        match self {
            Self::Text(text) => vec![Piece::of_text(text)],
            Self::Texts(texts) => texts.into_iter().map(Piece::of_text).collect(),
            Self::Tokens(tokens) => vec![Piece::of_tokens(&tokens)],
            Self::TokenLists(lists) => lists.iter().map(|tokens| Piece::of_tokens(tokens)).collect(),
        }
    }
}

impl Piece {
    fn of_text(text: String) -> Self {
        Self { tokens: words::count(&text), text }
    }

    fn of_tokens(tokens: &[u32]) -> Self {
        let text = tokens.iter().map(u32::to_string).collect::<Vec<_>>().join(" ");
        Self { text, tokens: tokens.len() }
    }
}

/// Works out the answer to a request.
pub(super) fn plan(request: Request) -> Result<Plan, Refusal> {
    let model = models::wanted(request.model.as_deref(), Want::Text)?;
    let prompts = request.prompt.ok_or_else(|| Refusal::missing("prompt"))?.into_pieces();
    if prompts.is_empty() || prompts.len() > MAX_PROMPTS {
        return Err(Refusal::bad("prompt", format!("There must be 1 to {MAX_PROMPTS} prompts.")));
    }
    if request.echo == Some(true) {
        return Err(Refusal::bad("echo", "The demo provider does not repeat the prompt."));
    }
    let delivery = Delivery::asked(request.stream, request.stream_options)?;
    let alternatives = choices_asked(request.n)?;
    let bounds = Bounds::read(request.max_tokens, request.stop, DEFAULT_MAX_TOKENS)?;
    let texts = prompts
        .iter()
        .flat_map(|prompt| (0..alternatives).map(move |choice| words::answer(model, &prompt.text, choice)));
    let choices: Vec<Choice> = texts.map(|text| bounds.apply(Said::Text(text))).collect();
    let prompt_tokens = prompts.iter().map(|prompt| prompt.tokens).sum();
    Ok(Plan { kind: Kind::Completion, model, delivery, choices, prompt_tokens })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::plan::Finish;
    use super::*;

    fn plan_of(prompt: Value, max_tokens: Value) -> Plan {
        let body = json!({"model": "demo-fast", "prompt": prompt, "max_tokens": max_tokens, "n": 2});
        plan(serde_json::from_value(body).unwrap()).unwrap()
    }

    #[test]
    fn every_prompt_gets_every_choice() {
        fn check(prompt: Value, choices: usize, prompt_tokens: usize) {
            let plan = plan_of(prompt, json!(500));
            assert_eq!((plan.choices.len(), plan.prompt_tokens), (choices, prompt_tokens));
            assert!(plan.choices.iter().all(|choice| choice.finish == Finish::Stop));
        }
        check(json!("say it"), 2, 2);
        check(json!(["say it", "again"]), 4, 3);
        check(json!([5, 6, 7]), 2, 3);
        check(json!([[5, 6, 7], [8]]), 4, 4);
    }

    #[test]
    fn sixteen_tokens_are_the_default() {
        let plan = plan_of(json!("count to 20"), Value::Null);
        assert_eq!(plan.completion_tokens(), 2 * DEFAULT_MAX_TOKENS);
        assert!(plan.choices.iter().all(|choice| choice.finish == Finish::Length));
    }
}
