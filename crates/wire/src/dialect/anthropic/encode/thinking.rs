//! Whether and how the model is to think, and the limit of its output, which thinking counts against. Beside thinking no
//! tool can be forced; a model that can stop thinking then does, for a call that must be made cannot be left to chance.

use domain::chat::{Effort, Part, Request, Role, Shown, Thinking, ToolChoice, Turn};

use super::OWN;
use crate::dialect::Target;
use crate::dialect::anthropic::model::{Off, Rules, Thinks};
use crate::dialect::names::Names;
use crate::json::build;

/// The limit of output where neither the caller nor the catalogue says one.
const DEFAULT_MAX_TOKENS: u64 = 8_192;

/// The smallest budget of thinking.
const MIN_BUDGET_TOKENS: u64 = 1_024;

/// What a model that takes budgets may think when it is told to decide for itself.
const DYNAMIC_BUDGET_TOKENS: u64 = 8_192;

/// How the model is to think.
#[derive(Debug)]
pub(super) struct Plan {
    /// Whether thinking was asked for and stays.
    pub(super) is_on: bool,
    /// `thinking`, as it is written.
    pub(super) thinking: Option<Vec<u8>>,
    /// `output_config.effort`.
    pub(super) effort: Option<&'static str>,
    /// `max_tokens`.
    pub(super) max_tokens: u64,
    /// Whether a tool may be forced.
    pub(super) may_force: bool,
}

impl Plan {
    /// The plan for `request`.
    pub(super) fn of(request: &Request, rules: &Rules, target: &Target<'_>, dropped: &mut Names) -> Self {
        let most = target.max_output_tokens.map(u64::from);
        let asked = request.max_output_tokens.or(most).unwrap_or(DEFAULT_MAX_TOKENS);
        let mut plan = Self {
            is_on: false,
            thinking: None,
            effort: None,
            max_tokens: most.map_or(asked, |most| asked.min(most)),
            may_force: true,
        };
        let wish = request.thinking.unwrap_or_default();
        let asks = wish.dynamic || wish.effort.is_some() || wish.budget_tokens.is_some();
        let shows = rules.thinks_unasked && wish.shown != Shown::Default;
        let on = !wish.is_off() && (asks || shows);
        let forces = !request.tools.is_empty() && is_forced(&request.tool_choice);
        let thinks = rules.thinks != Thinks::Never && (on || (rules.thinks_unasked && !wish.is_off()));
        if forces && thinks && !matches!(rules.off, Off::Never | Off::BetweenTools) {
            dropped.add_if(on, "thinking");
            plan.turn_off(rules, dropped);
        } else if on {
            plan.turn_on(request, &wish, rules, most, dropped);
        } else if wish.is_off() {
            plan.turn_off(rules, dropped);
        }
        plan.may_force = rules.thinks == Thinks::Never
            || !(plan.is_on || matches!(rules.off, Off::Never | Off::BetweenTools));
        plan
    }

    fn turn_on(
        &mut self,
        request: &Request,
        wish: &Thinking,
        rules: &Rules,
        most: Option<u64>,
        dropped: &mut Names,
    ) {
        match rules.thinks {
            Thinks::Never => dropped.add("thinking"),
            Thinks::ByEffort => {
                self.is_on = true;
                self.effort = wish.effort().map(word);
                self.thinking = Some(build::object_alone(|fields| {
                    fields.text("type", "adaptive");
                    fields.text_if("display", display(wish.shown));
                }));
            }
            Thinks::ByBudget => match self.budget(request, wish, most) {
                Some(budget) if goes_on_with_thoughts(&request.turns) => {
                    self.is_on = true;
                    self.thinking = Some(build::object_alone(|fields| {
                        fields.text("type", "enabled");
                        fields.plain("budget_tokens", budget);
                        fields.text_if("display", display(wish.shown));
                    }));
                }
                _ => dropped.add("thinking"),
            },
        }
    }

    fn turn_off(&mut self, rules: &Rules, dropped: &mut Names) {
        let kind = match rules.off {
            Off::Unasked => return,
            Off::Disabled => "disabled",
            Off::BetweenTools => "between_tools",
            Off::Never => {
                dropped.add("thinking");
                self.effort = Some(word(Effort::Low));
                return;
            }
        };
        self.thinking = Some(build::object_alone(|fields| fields.text("type", kind)));
    }

    /// The budget, which must be smaller than the limit of output: a limit that the caller did not set grows with it, up to
    /// the model's own. None where no budget fits.
    fn budget(&mut self, request: &Request, wish: &Thinking, most: Option<u64>) -> Option<u64> {
        let wished = wish.budget_tokens().unwrap_or(DYNAMIC_BUDGET_TOKENS).max(MIN_BUDGET_TOKENS);
        if request.max_output_tokens.is_none() && most.is_none() && wished >= self.max_tokens {
            self.max_tokens = wished.saturating_add(DEFAULT_MAX_TOKENS);
        }
        let budget = wished.min(self.max_tokens.saturating_sub(1));
        (budget >= MIN_BUDGET_TOKENS).then_some(budget)
    }
}

fn is_forced(choice: &ToolChoice) -> bool {
    matches!(choice, ToolChoice::Required | ToolChoice::Named(_) | ToolChoice::Among { required: true, .. })
}

fn word(effort: Effort) -> &'static str {
    match effort {
        Effort::None | Effort::Minimal | Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High => "high",
        Effort::Highest => "max",
    }
}

fn display(shown: Shown) -> Option<&'static str> {
    match shown {
        Shown::Default => None,
        Shown::Summary => Some("summarized"),
        Shown::Nothing => Some("omitted"),
    }
}

/// Whether the turn the model is to go on with starts with a thought that it can check. A model that takes budgets
/// refuses a turn of tool calls, or the beginning of an answer, that does not.
fn goes_on_with_thoughts(turns: &[Turn]) -> bool {
    let Some(last) = turns.iter().rposition(|turn| turn.role == Role::Assistant) else { return true };
    let Some(turn) = turns.get(last) else { return true };
    let calls = turn.parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
    let answered = turns.iter().skip(last).any(|turn| {
        turn.role == Role::User && turn.parts.iter().any(|part| matches!(part, Part::ToolResult(_)))
    });
    if !(calls && answered) && last + 1 < turns.len() {
        return true;
    }
    // Turns of the model that follow each other are one to it.
    let start = turns.iter().take(last).rposition(|turn| turn.role != Role::Assistant).map_or(0, |at| at + 1);
    let first = turns.get(start).and_then(|turn| turn.parts.first());
    matches!(first, Some(Part::Reasoning(thought))
        if thought.signature.as_ref().is_some_and(|signature| signature.of(OWN).is_some()))
}
