//! The conversation. Its order stays: messages are only joined where calls and results must stand together, and system
//! text in mid-conversation stands as near to its place as the model allows.

use domain::chat::{Role, Turn};

use super::blocks::{self, Block};
use crate::dialect::anthropic::model::Rules;
use crate::dialect::names::Names;
use crate::dialect::{Inexpressible, Target};
use crate::json::build;

/// A conversation as it is sent.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    /// The blocks of `system`.
    pub(super) system: Vec<Block>,
    /// `messages`.
    pub(super) messages: Vec<Message>,
    /// System text in mid-conversation that waits for a place where it may stand.
    waiting: Vec<Block>,
}

/// One message.
#[derive(Debug)]
pub(super) struct Message {
    role: &'static str,
    blocks: Vec<Block>,
}

impl Message {
    /// The message as it is written.
    pub(super) fn json(&self) -> Vec<u8> {
        build::object_alone(|fields| {
            fields.text("role", self.role);
            match self.blocks.as_slice() {
                [Block { plain: Some(words), .. }] => fields.text("content", words),
                blocks => fields.list("content", blocks.iter().map(|block| &block.json)),
            }
        })
    }

    fn holds(&self, is_kind: fn(&Block) -> bool) -> bool {
        self.blocks.iter().any(is_kind)
    }
}

impl Conversation {
    /// The conversation of `turns`.
    pub(super) fn of(
        turns: &[Turn],
        rules: &Rules,
        target: &Target<'_>,
        dropped: &mut Names,
    ) -> Result<Self, Inexpressible> {
        let mut conversation = Self::default();
        for turn in turns {
            dropped.add_if(turn.name.is_some(), "name");
            let blocks = blocks::of(turn, target, dropped)?;
            if blocks.is_empty() {
                continue;
            }
            match turn.role {
                Role::System | Role::Developer => conversation.instruct(blocks, rules, dropped),
                Role::User => {
                    dropped.add_if(!conversation.waiting.is_empty(), "system position");
                    conversation.add(Message { role: "user", blocks });
                }
                Role::Assistant => {
                    conversation.place_waiting();
                    conversation.add(Message { role: "assistant", blocks });
                }
            }
        }
        conversation.place_waiting();
        if !conversation.waiting.is_empty() {
            dropped.add("system position");
            conversation.system.append(&mut conversation.waiting);
        }
        Ok(conversation)
    }

    /// System text: before all messages it is the system prompt. Later it waits for the end of the user's turn where the
    /// model takes it among the messages, and joins the system prompt, the only place for it, where the model does not.
    fn instruct(&mut self, blocks: Vec<Block>, rules: &Rules, dropped: &mut Names) {
        if self.messages.is_empty() {
            self.system.extend(blocks);
        } else if rules.system_inside {
            self.waiting.extend(blocks);
        } else {
            dropped.add("system position");
            self.system.extend(blocks);
        }
    }

    /// Puts what waits after a user's turn ("Mid-conversation system messages": it follows a user message, and an
    /// assistant message or nothing follows it).
    fn place_waiting(&mut self) {
        if !self.waiting.is_empty() && self.messages.last().is_some_and(|last| last.role == "user") {
            let blocks = std::mem::take(&mut self.waiting);
            self.messages.push(Message { role: "system", blocks });
        }
    }

    fn add(&mut self, message: Message) {
        let joins = match self.messages.last() {
            Some(last) if last.role != message.role => false,
            Some(_) if message.role == "user" => message.holds(Block::is_result),
            Some(last) => last.holds(Block::is_call),
            None => false,
        };
        match self.messages.last_mut() {
            Some(last) if joins => last.blocks.extend(message.blocks),
            _ => self.messages.push(message),
        }
        if let Some(last) = self.messages.last_mut().filter(|last| last.role == "user") {
            // Results come before all else; the sort is stable.
            last.blocks.sort_by_key(|block| !block.is_result());
        }
    }
}
