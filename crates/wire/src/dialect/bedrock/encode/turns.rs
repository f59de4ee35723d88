//! The conversation. Converse wants turns of the user and of the model by turns, the user's first; neighbours of one role
//! become one turn, and what is impossible after that is refused. Instructions stay where they stand.

use domain::chat::tool_id::Grammar;
use domain::chat::{self, CacheMark, Part, Signature};
use domain::protocol::Protocol;
use serde_json::value::RawValue;

use super::body::{Block, Cited, CitedText, Message, Piece, Role, Thought, ToolResult, ToolUse};
use super::media::{self, Documents, Where, inexpressible};
use super::model::Family;
use super::raw;
use crate::dialect::names::Names;
use crate::dialect::{Inexpressible, Target};

/// What the request says, turn by turn.
pub(super) struct Turns<'a> {
    pub(super) system: Vec<Block<'a>>,
    pub(super) messages: Vec<Message<'a>>,
    /// The tools that were called, in order, each once.
    pub(super) called: Vec<&'a str>,
}

impl Turns<'_> {
    /// Whether a call or a result is in it, so that tools must be declared.
    pub(super) fn has_tools(&self) -> bool {
        let mut blocks = self.messages.iter().flat_map(|message| &message.content);
        blocks.any(|block| block.is_call() || block.is_result())
    }
}

/// Writes the conversation.
pub(super) fn encode<'a>(
    request: &'a chat::Request,
    target: &Target<'_>,
    family: Family,
    dropped: &mut Names,
) -> Result<Turns<'a>, Inexpressible> {
    let turns = Turns { system: Vec::new(), messages: Vec::new(), called: Vec::new() };
    let mut writer =
        Writer { turns, family, tool_ids: target.tool_ids, documents: Documents::default(), dropped };
    for turn in &request.turns {
        writer.turn(turn)?;
    }
    let mut turns = writer.turns;
    let placed = place_instructions(std::mem::take(&mut turns.messages), family, dropped);
    turns.messages = placed.into_iter().map(results_first).collect();
    match turns.messages.first().map(|message| message.role) {
        Some(Role::User) => Ok(turns),
        Some(_) => Err(inexpressible("a conversation that begins with a turn of the model".to_owned())),
        None => Err(inexpressible("a conversation without a turn of the user".to_owned())),
    }
}

struct Writer<'a, 'd> {
    turns: Turns<'a>,
    family: Family,
    tool_ids: Grammar,
    documents: Documents,
    dropped: &'d mut Names,
}

impl<'a> Writer<'a, '_> {
    fn turn(&mut self, turn: &'a chat::Turn) -> Result<(), Inexpressible> {
        if turn.name.is_some() {
            self.dropped.add("name");
        }
        let role = match turn.role {
            chat::Role::System | chat::Role::Developer => Role::System,
            chat::Role::User => Role::User,
            chat::Role::Assistant => Role::Assistant,
        };
        let mut content = Vec::new();
        for part in &turn.parts {
            self.part(role, part, &mut content)?;
        }
        if role == Role::System && self.turns.messages.is_empty() {
            self.turns.system.append(&mut content);
        } else if !content.is_empty() {
            join(&mut self.turns.messages, Message { role, content });
        }
        Ok(())
    }

    fn part(&mut self, role: Role, part: &'a Part, out: &mut Vec<Block<'a>>) -> Result<(), Inexpressible> {
        match (part, role) {
            (Part::Text(text), _) => {
                if text.text.trim().is_empty() {
                    return Ok(());
                }
                let cited = self.cited(text);
                out.push(cited.unwrap_or_else(|| Block::text(&text.text)));
                self.mark(text.cache, out);
            }
            (Part::Refusal(words), _) if words.trim().is_empty() => {}
            (Part::Refusal(words), _) => out.push(Block::text(words)),
            (Part::Media(media), Role::User) => {
                out.push(media::encode(media, Where::Turn, &mut self.documents, self.dropped)?);
                self.mark(media.cache, out);
            }
            (Part::Media(media), Role::Assistant) => {
                return Err(inexpressible(format!("{} in a turn of the model", media::word(media.kind))));
            }
            (Part::Media(media), Role::System) => {
                return Err(inexpressible(format!("{} among the instructions", media::word(media.kind))));
            }
            (Part::Reasoning(thought), Role::Assistant) => self.thought(thought, out),
            (Part::ToolCall(call), Role::Assistant) => {
                out.push(self.call(call)?);
                self.mark(call.cache, out);
            }
            (Part::ToolResult(result), Role::User) => {
                out.push(self.result(result)?);
                self.mark(result.cache, out);
            }
            (Part::Foreign(foreign), _) => match raw(&foreign.json) {
                Some(json) if foreign.protocol == Protocol::Bedrock => out.push(Block::Verbatim(json)),
                _ => self.dropped.add("server_tools"),
            },
            (Part::Reasoning(_), _) => return Err(inexpressible("a thought that is not the model's".into())),
            (Part::ToolCall(_), _) => {
                return Err(inexpressible("a tool call that is not the model's".into()));
            }
            (Part::ToolResult(_), _) => {
                return Err(inexpressible("the result of a tool in a turn that is not the user's".into()));
            }
        }
        Ok(())
    }

    /// Thoughts go back to who made them and to nobody else.
    fn thought(&mut self, thought: &'a chat::Reasoning, out: &mut Vec<Block<'a>>) {
        match thought.signature.as_ref().and_then(own) {
            Some(signature) if thought.redacted => {
                out.push(Block::Ours(Piece::ReasoningContent(Thought::RedactedContent(signature))));
            }
            Some(signature) => {
                let text = &thought.text;
                out.push(Block::Ours(Piece::ReasoningContent(Thought::ReasoningText { text, signature })));
            }
            None if thought.text.is_empty() => {}
            None => self.dropped.add("reasoning"),
        }
    }

    fn call(&mut self, call: &'a chat::ToolCall) -> Result<Block<'a>, Inexpressible> {
        let input: &RawValue = serde_json::from_str(&call.arguments)
            .ok()
            .filter(|json: &&RawValue| json.get().starts_with('{'))
            .ok_or_else(|| inexpressible("a tool call whose arguments are no JSON object".to_owned()))?;
        if !self.turns.called.contains(&call.name.as_str()) {
            self.turns.called.push(&call.name);
        }
        let tool_use_id = self.tool_ids.fit(&call.id);
        Ok(Block::Ours(Piece::ToolUse(ToolUse { tool_use_id, name: &call.name, input })))
    }

    fn result(&mut self, result: &'a chat::ToolResult) -> Result<Block<'a>, Inexpressible> {
        let mut content = Vec::new();
        for part in &result.parts {
            match part {
                Part::Text(text) if text.text.trim().is_empty() => {}
                Part::Text(text) => content.push(Block::text(&text.text)),
                Part::Media(media) => {
                    content.push(media::encode(media, Where::Result, &mut self.documents, self.dropped)?);
                }
                Part::Foreign(_) => self.dropped.add("server_tools"),
                _ => return Err(inexpressible("the result of a tool that is neither text nor media".into())),
            }
        }
        let tool_use_id = self.tool_ids.fit(&result.id);
        let status = result.is_error.then_some("error");
        Ok(Block::Ours(Piece::ToolResult(ToolResult { tool_use_id, content, status })))
    }

    /// Words with the citations that Bedrock itself gave them; those of others have no form here.
    fn cited(&mut self, text: &'a chat::Text) -> Option<Block<'a>> {
        if text.citations.is_empty() {
            return None;
        }
        let native = text.citations.iter().map(|citation| match &citation.native {
            Some((Protocol::Bedrock, json)) => raw(json),
            _ => None,
        });
        let Some(citations) = native.collect() else {
            self.dropped.add("citations");
            return None;
        };
        let content = [CitedText { text: &text.text }];
        Some(Block::Ours(Piece::CitationsContent(Cited { content, citations })))
    }

    fn mark(&mut self, mark: Option<CacheMark>, out: &mut Vec<Block<'a>>) {
        match mark {
            Some(mark) if self.family.caches() => out.push(Block::cache_point(mark)),
            Some(_) => self.dropped.add("cache_control"),
            None => {}
        }
    }
}

/// Claude's signatures are Anthropic's wherever it runs.
fn own(signature: &Signature) -> Option<&str> {
    signature.of(Protocol::Anthropic).or(signature.of(Protocol::Bedrock))
}

fn join<'a>(messages: &mut Vec<Message<'a>>, mut next: Message<'a>) {
    match messages.last_mut() {
        Some(last) if last.role == next.role => last.content.append(&mut next.content),
        _ => messages.push(next),
    }
}

/// Instructions between turns stay so where the model takes them: after the user's turn and before the model's. Elsewhere
/// they are said in the user's voice at the same place, which is told.
fn place_instructions<'a>(
    messages: Vec<Message<'a>>,
    family: Family,
    dropped: &mut Names,
) -> Vec<Message<'a>> {
    let mut placed: Vec<Message<'a>> = Vec::with_capacity(messages.len());
    let mut rest = messages.into_iter().peekable();
    while let Some(mut message) = rest.next() {
        if message.role == Role::System {
            let fits = placed.last().is_some_and(|before| before.role == Role::User)
                && rest.peek().is_none_or(|next| next.role == Role::Assistant);
            if !(fits && family.takes_system_amid()) {
                dropped.add("messages[].role");
                message.role = Role::User;
            }
        }
        join(&mut placed, message);
    }
    placed
}

/// Results of tools come before all else in their turn, each with its cache mark.
fn results_first(mut message: Message<'_>) -> Message<'_> {
    let has_results = message.content.iter().any(Block::is_result);
    if !has_results || message.role != Role::User {
        return message;
    }
    let (mut first, mut then) = (Vec::new(), Vec::new());
    let mut after_result = false;
    for block in message.content {
        after_result = block.is_result() || (after_result && block.is_cache_point());
        if after_result { first.push(block) } else { then.push(block) }
    }
    first.append(&mut then);
    message.content = first;
    message
}
