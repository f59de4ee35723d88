//! From the neutral form to a request of this protocol.

mod blocks;
mod media;
mod settings;
mod thinking;
mod tools;
mod turns;

use domain::chat;
use domain::protocol::Protocol;

use super::model::Rules;
use crate::dialect::names::Names;
use crate::dialect::{Encoded, Inexpressible, Target};
use crate::json::build::{self, ObjectWriter};
use thinking::Plan;
use turns::Conversation;

/// Writes `request` for `target`.
///
/// # Errors
/// [`Inexpressible`] when the request holds something that must not be dropped and that this protocol cannot say.
pub fn encode_request(request: &chat::Request, target: &Target<'_>) -> Result<Encoded, Inexpressible> {
    let mut prompt = Prompt::of(request, target)?;
    let sampling = settings::sampling(request, &prompt.rules, &prompt.plan, &mut prompt.dropped);
    let stop = settings::stop(&request.stop, &mut prompt.dropped);
    let service_tier = settings::service_tier(request.service_tier.as_deref(), &mut prompt.dropped);
    settings::name_unsaid(request, &mut prompt.dropped);
    let body = build::object_alone(|fields| {
        fields.text("model", target.model);
        fields.plain("max_tokens", prompt.plan.max_tokens);
        prompt.write(fields);
        fields.float_if("temperature", sampling.temperature);
        fields.float_if("top_p", sampling.top_p);
        if let Some(top_k) = sampling.top_k {
            fields.plain("top_k", top_k);
        }
        if !stop.is_empty() {
            fields.list("stop_sequences", &stop);
        }
        if let Some(user) = &request.user {
            fields.object("metadata", |fields| fields.text("user_id", user));
        }
        fields.text_if("service_tier", service_tier);
        if request.stream {
            fields.plain("stream", true);
        }
    });
    Ok(Encoded { body, dropped: prompt.dropped.into_list() })
}

/// Writes the request that asks how many tokens the prompt of `request` has. What does not change that is left out and
/// not named.
///
/// # Errors
/// As [`encode_request`].
pub fn encode_count(request: &chat::Request, target: &Target<'_>) -> Result<Encoded, Inexpressible> {
    let prompt = Prompt::of(request, target)?;
    let body = build::object_alone(|fields| {
        fields.text("model", target.model);
        prompt.write(fields);
    });
    Ok(Encoded { body, dropped: prompt.dropped.into_list() })
}

/// What the model reads and how it is to think about it: the part of a request that counting needs, too.
struct Prompt {
    rules: Rules,
    conversation: Conversation,
    tools: Vec<Vec<u8>>,
    tool_choice: Option<Vec<u8>>,
    format: Option<String>,
    plan: Plan,
    dropped: Names,
}

impl Prompt {
    fn of(request: &chat::Request, target: &Target<'_>) -> Result<Self, Inexpressible> {
        let rules = Rules::of(target.model);
        let mut dropped = Names::default();
        let conversation = Conversation::of(&request.turns, &rules, target, &mut dropped)?;
        let tools = tools::definitions(request, &mut dropped)?;
        let plan = Plan::of(request, &rules, target, &mut dropped);
        let tool_choice = tools::choice(request, plan.may_force, &mut dropped);
        let format = settings::format(&request.format, &mut dropped);
        Ok(Self { rules, conversation, tools, tool_choice, format, plan, dropped })
    }

    fn write(&self, fields: &mut ObjectWriter<'_>) {
        let system = &self.conversation.system;
        if !system.is_empty() {
            fields.list("system", system.iter().map(|block| &block.json));
        }
        fields.list("messages", self.conversation.messages.iter().map(turns::Message::json));
        if !self.tools.is_empty() {
            fields.list("tools", &self.tools);
        }
        if let Some(choice) = &self.tool_choice {
            fields.raw("tool_choice", choice);
        }
        if let Some(thinking) = &self.plan.thinking {
            fields.raw("thinking", thinking);
        }
        if self.plan.effort.is_some() || self.format.is_some() {
            fields.object("output_config", |fields| {
                fields.text_if("effort", self.plan.effort);
                if let Some(schema) = &self.format {
                    fields.object("format", |fields| {
                        fields.text("type", "json_schema");
                        fields.raw("schema", schema);
                    });
                }
            });
        }
    }
}

/// What the makers of this protocol's signatures are called.
const OWN: Protocol = Protocol::Anthropic;

#[cfg(test)]
mod tests;
