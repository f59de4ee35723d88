//! What the models of this protocol take and refuse, as far as it decides what a request may hold. Anthropic's pages
//! "Thinking", "Effort", "Mid-conversation system messages" and the migration guides of each model say it by generation,
//! so it is derived from the version in a model's name: a model that is newer than this file, or has no version, is taken
//! for one of the newest generation. Refuses to know prices and limits, which are the catalogue's.

/// How words may be drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Draws {
    /// `temperature`, `top_p` and `top_k` in any combination.
    Freely,
    /// `temperature` or `top_p`, not both (since Opus 4.1).
    ByOne,
    /// Nothing but the defaults (since Opus 4.7).
    ByDefault,
}

/// How thinking is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Thinks {
    /// It is not.
    Never,
    /// By a budget of tokens (`enabled`; from 3.7 to 4.5).
    ByBudget,
    /// By an effort (`adaptive`; since 4.6).
    ByEffort,
}

/// How thinking is turned off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Off {
    /// By not asking for it.
    Unasked,
    /// By `disabled`.
    Disabled,
    /// By `between_tools` (Sonnet 5.5).
    BetweenTools,
    /// It cannot be.
    Never,
}

/// What a model takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rules {
    /// How words may be drawn.
    pub(super) draws: Draws,
    /// How thinking is asked for.
    pub(super) thinks: Thinks,
    /// Whether it thinks when nothing is said.
    pub(super) thinks_unasked: bool,
    /// How thinking is turned off.
    pub(super) off: Off,
    /// Whether system messages may stand among the messages (since Opus 4.8).
    pub(super) system_inside: bool,
}

/// The newest generation: Opus 5.5, Fable and Mythos 5.1.
const NEWEST: Rules = Rules {
    draws: Draws::ByDefault,
    thinks: Thinks::ByEffort,
    thinks_unasked: true,
    off: Off::Never,
    system_inside: true,
};

/// Models of others that are served in this protocol: what all of its servers understand.
const OF_OTHERS: Rules = Rules {
    draws: Draws::Freely,
    thinks: Thinks::ByBudget,
    thinks_unasked: false,
    off: Off::Disabled,
    system_inside: false,
};

impl Rules {
    /// The rules of a model, by the provider's name for it.
    pub(super) fn of(model: &str) -> Self {
        let model = model.to_ascii_lowercase();
        let Some((_, name)) = model.split_once("claude") else { return OF_OTHERS };
        let Some(version) = version(name) else { return NEWEST };
        let older = |draws, thinks, system_inside| Rules {
            draws,
            thinks,
            thinks_unasked: false,
            off: Off::Unasked,
            system_inside,
        };
        match version {
            old if old < (3, 7) => older(Draws::Freely, Thinks::Never, false),
            old if old < (4, 1) => older(Draws::Freely, Thinks::ByBudget, false),
            old if old < (4, 6) => older(Draws::ByOne, Thinks::ByBudget, false),
            old if old < (4, 7) => older(Draws::ByOne, Thinks::ByEffort, false),
            old if old < (4, 8) => older(Draws::ByDefault, Thinks::ByEffort, false),
            old if old < (5, 0) => older(Draws::ByDefault, Thinks::ByEffort, true),
            fifth if fifth <= (5, 5) => Rules { off: off_of_fifth(name, fifth), ..NEWEST },
            _ => NEWEST,
        }
    }
}

/// How the models of the fifth generation stop thinking.
fn off_of_fifth(name: &str, version: (u32, u32)) -> Off {
    let is = |family| name.contains(family);
    match version {
        (5, 5) if is("sonnet") => Off::BetweenTools,
        (5, 5) if is("opus") => Off::Never,
        _ if is("opus") || is("sonnet") || is("haiku") => Off::Disabled,
        _ => Off::Never,
    }
}

/// The version in a name: the first number and the one right behind it. Longer numbers are dates.
fn version(name: &str) -> Option<(u32, u32)> {
    const MOST_DIGITS: usize = 2;
    let short = |word: &str| if word.len() <= MOST_DIGITS { word.parse().ok() } else { None };
    let mut words = name.split(|c: char| !c.is_ascii_alphanumeric());
    let major = words.find_map(short)?;
    Some((major, words.next().and_then(short).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_the_version() {
        let check = |model: &str, expect: Option<(u32, u32)>| {
            let name = model.split_once("claude").unwrap().1;
            assert_eq!(version(name), expect, "{model}");
        };
        check("claude-3-opus-20240229", Some((3, 0)));
        check("us.anthropic.claude-3-7-sonnet-20250219-v1:0", Some((3, 7)));
        check("claude-sonnet-4@20250514", Some((4, 0)));
        check("claude-opus-4-1-20250805", Some((4, 1)));
        check("anthropic/claude-opus-4.8", Some((4, 8)));
        check("anthropic.claude-opus-4-6-v1", Some((4, 6)));
        check("claude-haiku-4-5", Some((4, 5)));
        check("claude-sonnet-5", Some((5, 0)));
        check("claude-mythos-preview", None);
    }

    #[test]
    fn each_generation_has_its_rules() {
        let check = |model: &str, draws, thinks, off, system_inside| {
            let rules = Rules::of(model);
            assert_eq!(
                (rules.draws, rules.thinks, rules.off, rules.system_inside),
                (draws, thinks, off, system_inside),
                "{model}"
            );
        };
        check("claude-3-5-haiku-20241022", Draws::Freely, Thinks::Never, Off::Unasked, false);
        check("claude-sonnet-4-20250514", Draws::Freely, Thinks::ByBudget, Off::Unasked, false);
        check("claude-opus-4-1", Draws::ByOne, Thinks::ByBudget, Off::Unasked, false);
        check("claude-haiku-4-5-20251001", Draws::ByOne, Thinks::ByBudget, Off::Unasked, false);
        check("claude-sonnet-4-6", Draws::ByOne, Thinks::ByEffort, Off::Unasked, false);
        check("claude-opus-4-7", Draws::ByDefault, Thinks::ByEffort, Off::Unasked, false);
        check("claude-opus-4-8", Draws::ByDefault, Thinks::ByEffort, Off::Unasked, true);
        check("claude-opus-5", Draws::ByDefault, Thinks::ByEffort, Off::Disabled, true);
        check("claude-haiku-5-5", Draws::ByDefault, Thinks::ByEffort, Off::Disabled, true);
        check("claude-sonnet-5-5", Draws::ByDefault, Thinks::ByEffort, Off::BetweenTools, true);
        check("claude-opus-5-5", Draws::ByDefault, Thinks::ByEffort, Off::Never, true);
        check("claude-fable-5", Draws::ByDefault, Thinks::ByEffort, Off::Never, true);
        check("some-model-of-another-maker", Draws::Freely, Thinks::ByBudget, Off::Disabled, false);
    }

    #[test]
    fn wire_fact_16_an_unknown_model_has_the_rules_of_the_newest() {
        for model in ["claude-opus-6", "claude-sonnet-7-5", "claude-next", "claude-mythos-preview"] {
            assert_eq!(Rules::of(model), NEWEST, "{model}");
        }
    }
}
