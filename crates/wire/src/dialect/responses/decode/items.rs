//! `input`: the items of a conversation, gathered into turns.

use domain::chat::{Foreign, Part, Request, Role, ToolCall, ToolResult, Turn, tool_id};
use domain::protocol::Protocol;

use super::super::output;
use super::{STATE, content};
use crate::dialect::field::{Field, Fields};
use crate::request::Unreadable;

/// Items that the caller adds to what the model did; all others of their kind are the model's.
const ANSWERS: [&str; 6] = [
    "custom_tool_call_output",
    "computer_call_output",
    "local_shell_call_output",
    "shell_call_output",
    "apply_patch_call_output",
    "mcp_approval_response",
];

/// Items that change what is asked for in the middle of a conversation: left out, the request would be another one.
const CHANGES: [&str; 3] = ["additional_tools", "configuration_update", "compaction_trigger"];

/// Adds the turns of `input` to the request.
pub(super) fn decode(input: &Field<'_>, request: &mut Request) -> Result<(), Unreadable> {
    if input.value.is_text() {
        let parts = vec![Part::text(input.text()?)];
        request.turns.push(Turn { role: Role::User, name: None, parts });
        return Ok(());
    }
    let mut conversation = Conversation { turns: &mut request.turns, called: Vec::new() };
    for item in input.items()? {
        conversation.add(&item, &mut request.unplaced)?;
    }
    Ok(())
}

struct Conversation<'t> {
    turns: &'t mut Vec<Turn>,
    /// The calls so far and what they called.
    called: Vec<(String, String)>,
}

impl Conversation<'_> {
    fn add(&mut self, item: &Field<'_>, unplaced: &mut Vec<String>) -> Result<(), Unreadable> {
        let members = item.object()?;
        let kind = match members.get("type") {
            Some(kind) => kind.text()?,
            // A message may leave its type out, and so may a reference.
            None if members.get("role").is_some() => "message".to_owned(),
            None => "item_reference".to_owned(),
        };
        match kind.as_str() {
            "message" => self.message(item, unplaced),
            "function_call" => {
                let call = call(&members)?;
                self.called.push((call.id.clone(), call.name.clone()));
                self.does(Part::ToolCall(call));
                Ok(())
            }
            "function_call_output" => {
                let result = self.result(&members)?;
                self.answers(Part::ToolResult(result));
                Ok(())
            }
            "reasoning" => {
                self.does(Part::Reasoning(output::returned_reasoning(&members)?));
                Ok(())
            }
            "item_reference" => Err(item.refuse(STATE)),
            change if CHANGES.contains(&change) => {
                Err(item.refuse("is of a type that only an upstream of the Responses API understands"))
            }
            _ => {
                let given = ANSWERS.contains(&kind.as_str());
                let foreign =
                    Part::Foreign(Foreign { protocol: Protocol::Responses, kind, json: item.value.json() });
                if given {
                    self.answers(foreign)
                } else {
                    self.does(foreign)
                }
                Ok(())
            }
        }
    }

    fn message(&mut self, item: &Field<'_>, unplaced: &mut Vec<String>) -> Result<(), Unreadable> {
        let members = item.object()?;
        let role = members.need("role")?;
        let role = match role.text()?.as_str() {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "system" => Role::System,
            "developer" => Role::Developer,
            _ => return Err(role.refuse("must be user, assistant, system or developer")),
        };
        if members.get("phase").is_some() && !unplaced.iter().any(|name| name == "phase") {
            unplaced.push("phase".to_owned());
        }
        let parts = content::decode(&members.need("content")?, unplaced)?;
        if parts.is_empty() {
            // Nothing was said.
        } else if role == Role::Assistant {
            self.says(parts);
        } else {
            self.turns.push(Turn { role, name: None, parts });
        }
        Ok(())
    }

    fn result(&self, members: &Fields<'_>) -> Result<ToolResult, Unreadable> {
        let id = members.needed_text("call_id")?;
        let id = tool_id::split(&id).0.to_owned();
        let name = self.called.iter().rev().find(|(called, _)| *called == id).map(|(_, name)| name.clone());
        let output = members.need("output")?;
        let parts = if output.value.is_text() {
            let text = output.text()?;
            if text.is_empty() { Vec::new() } else { vec![Part::text(text)] }
        } else {
            content::decode(&output, &mut Vec::new())?
        };
        Ok(ToolResult { id, name, parts, is_error: false, cache: None })
    }

    /// The model says something in a message of its own. Messages that follow each other are turns of their own, except
    /// where a call among them is still to be answered: there they are one turn.
    fn says(&mut self, parts: Vec<Part>) {
        if let Some(turn) = self.last_of_the_model() {
            let said = matches!(turn.parts.last(), Some(Part::Text(_) | Part::Refusal(_)));
            if !said || turn.parts.iter().any(|part| matches!(part, Part::ToolCall(_))) {
                turn.parts.extend(parts);
                return;
            }
        }
        self.turns.push(Turn { role: Role::Assistant, name: None, parts });
    }

    /// The model thinks or calls.
    fn does(&mut self, part: Part) {
        match self.last_of_the_model() {
            Some(turn) => turn.parts.push(part),
            None => self.turns.push(Turn { role: Role::Assistant, name: None, parts: vec![part] }),
        }
    }

    /// The caller answers a call; the answers of one round are one turn.
    fn answers(&mut self, part: Part) {
        let of_the_round = |turn: &&mut Turn| {
            turn.role == Role::User
                && turn.parts.iter().all(|part| matches!(part, Part::ToolResult(_) | Part::Foreign(_)))
        };
        match self.turns.last_mut().filter(of_the_round) {
            Some(turn) => turn.parts.push(part),
            None => self.turns.push(Turn { role: Role::User, name: None, parts: vec![part] }),
        }
    }

    fn last_of_the_model(&mut self) -> Option<&mut Turn> {
        self.turns.last_mut().filter(|turn| turn.role == Role::Assistant)
    }
}

fn call(members: &Fields<'_>) -> Result<ToolCall, Unreadable> {
    let id = members.need("call_id")?;
    let carried = id.text()?;
    let (name, signature) = tool_id::split(&carried);
    if name.is_empty() {
        return Err(id.refuse("must not be empty"));
    }
    let arguments = members.needed_text("arguments")?;
    Ok(ToolCall {
        id: name.to_owned(),
        name: members.needed_text("name")?,
        arguments: if arguments.trim().is_empty() { "{}".to_owned() } else { arguments },
        signature,
        cache: None,
    })
}
