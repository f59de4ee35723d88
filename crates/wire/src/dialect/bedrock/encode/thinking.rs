//! How much the model is to think, in the words of its maker. Claude refuses a request that thinks beside a forced tool, a
//! budget that is not below the limit, or a tool turn that has lost its thought: then it does not think, which is told.

use domain::chat::{self, Effort, Shown, ToolChoice};

use super::body::{Block, Message, ReasoningConfig, Role, Thinking};
use super::model::{Claude, Family};
use crate::dialect::names::Names;

/// The smallest budget that Claude takes (user guide, "Extended thinking").
const MIN_BUDGET_TOKENS: u64 = 1_024;

/// The members that say it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) field: Option<Thinking>,
    pub(super) nova: Option<ReasoningConfig>,
    pub(super) open_ai: Option<&'static str>,
    pub(super) effort: Option<&'static str>,
}

impl Plan {
    /// Whether Claude is told to think.
    pub(super) fn is_on(&self) -> bool {
        self.field.is_some()
    }
}

/// Finds them.
pub(super) fn plan(
    request: &chat::Request,
    family: Family,
    messages: &[Message<'_>],
    dropped: &mut Names,
) -> Plan {
    let Some(thinking) = request.thinking else { return Plan::default() };
    let effort = thinking.effort();
    match family {
        Family::Claude(claude) => of_claude(request, &thinking, claude, messages, dropped),
        Family::Nova => {
            let word = effort.filter(|_| !thinking.is_off()).map(|effort| word(effort, "high"));
            let nova = word.map(|effort| ReasoningConfig { kind: "enabled", max_reasoning_effort: effort });
            Plan { nova, ..Plan::default() }
        }
        // They always think; the least is little.
        Family::OpenAi => Plan { open_ai: effort.map(|effort| word(effort, "high")), ..Plan::default() },
        Family::Unknown => {
            let effort = effort.filter(|_| !thinking.is_off()).map(|effort| word(effort, "max"));
            Plan { effort, ..Plan::default() }
        }
        Family::Other => {
            if !thinking.is_off() {
                dropped.add("reasoning");
            }
            Plan::default()
        }
    }
}

fn of_claude(
    request: &chat::Request,
    thinking: &chat::Thinking,
    claude: Claude,
    messages: &[Message<'_>],
    dropped: &mut Names,
) -> Plan {
    // Nothing said is not thinking, and the newest models refuse to be told so.
    if thinking.is_off() {
        return Plan::default();
    }
    let forced = matches!(request.tool_choice, ToolChoice::Required | ToolChoice::Named(_))
        || matches!(request.tool_choice, ToolChoice::Among { required: true, .. });
    if forced && !request.tools.is_empty() {
        dropped.add("reasoning");
        return Plan::default();
    }
    if !claude.budgeted {
        let display = match thinking.shown {
            Shown::Default => None,
            Shown::Summary => Some("summarized"),
            Shown::Nothing => Some("omitted"),
        };
        let effort = thinking.effort().map(|effort| word(effort, "max"));
        return Plan { field: Some(Thinking::Adaptive { display }), effort, ..Plan::default() };
    }
    let wanted = thinking.budget_tokens().unwrap_or_else(|| Effort::Medium.budget_tokens());
    let room = request.max_output_tokens.map_or(u64::MAX, |limit| limit.saturating_sub(1));
    let budget_tokens = wanted.max(MIN_BUDGET_TOKENS).min(room);
    if budget_tokens < MIN_BUDGET_TOKENS || lost_its_thought(messages) {
        dropped.add("reasoning");
        return Plan::default();
    }
    Plan { field: Some(Thinking::Enabled { budget_tokens }), ..Plan::default() }
}

/// Whether the results at the end answer a turn of the model that does not begin with its thought.
fn lost_its_thought(messages: &[Message<'_>]) -> bool {
    let answered = messages.last().is_some_and(|last| last.content.iter().any(Block::is_result));
    let asked = messages.iter().rev().find(|message| message.role == Role::Assistant);
    answered && asked.is_some_and(|turn| !turn.content.first().is_some_and(Block::is_thought))
}

fn word(effort: Effort, highest: &'static str) -> &'static str {
    match effort {
        Effort::None | Effort::Minimal | Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High => "high",
        Effort::Highest => highest,
    }
}
