//! The exchange of encryption keys: every sealed value is wrapped with the key that is to wrap it, in its newest form,
//! while the gate serves. Small transactions and a comparison before each write: it can stop anywhere and be run again.

use domain::audit::{Act, Actor};
use domain::time::Clock;
use store::sealed_values::{PROVIDER_KEY, Replacement, SealedValue};
use vault::envelope::RewrapFailed;
use vault::remote::RemoteFailed;

use super::sealer::{Choices, NotRewrapped, Nowhere, Sealer};
use super::{NotProved, Pages, bind, prove};

/// Most walks over all values. Each but the last finds what others sealed with an older key meanwhile.
const MAX_WALKS: u32 = 10;

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Values looked at in this walk.
    pub seen: u64,
    /// Values there were when it began.
    pub of: u64,
    /// Values wrapped anew so far.
    pub rewrapped: u64,
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rotated {
    /// Values wrapped anew, the check value among them.
    pub rewrapped: u64,
    /// Values that were wrapped as they are to be.
    pub already: u64,
    /// The names of what does not open with any of the keys, or whose provider refuses to unwrap it; it was left as it
    /// is.
    pub broken: Vec<String>,
}

/// Why it did not come to its end. What was wrapped anew until then stays so.
#[derive(Debug, thiserror::Error)]
pub enum RotateFailed {
    /// The keys are not those of the installation, or the store failed.
    #[error(transparent)]
    NotProved(#[from] NotProved),
    /// The generator gave nothing.
    #[error("a data key could not be wrapped: no random bytes")]
    NoEntropy,
    /// A key is to be used that nobody provides.
    #[error(transparent)]
    Nowhere(#[from] Nowhere),
    /// The provider outside cannot be asked now.
    #[error("{0}. Run this again when it is back")]
    Remote(RemoteFailed),
    /// Others seal with an older key all the while.
    #[error(
        "after 10 walks there is still something that an older key wraps: another process seals with it. Give every \
         process the newest key first, then run this again"
    )]
    Unsettled,
}

impl From<store::ReadFailed> for RotateFailed {
    fn from(failed: store::ReadFailed) -> Self {
        Self::NotProved(failed.into())
    }
}

impl From<store::WriteFailed> for RotateFailed {
    fn from(failed: store::WriteFailed) -> Self {
        Self::NotProved(failed.into())
    }
}

/// Who does it, and the time of day: each transaction leaves a row in the audit trail.
#[derive(Debug, Clone, Copy)]
pub struct Who<'a> {
    /// Who.
    pub actor: &'a Actor,
    /// The time of day.
    pub clock: &'a Clock,
}

/// Wraps every value with the key that its tenant chose, or the newest of the ring; `tell` hears of every page. The
/// check value comes last and stays with the ring, so that a start without the older keys is refused until all is done.
///
/// # Errors
/// [`RotateFailed`]; running it again continues.
pub async fn rotate(
    sealer: &Sealer,
    who: Who<'_>,
    mut tell: impl FnMut(Progress),
) -> Result<Rotated, RotateFailed> {
    prove(sealer.store(), &sealer.vault(), who.clock.now()).await?;
    let choices = sealer.choices().await?;
    let with = With { sealer, choices: &choices, who };
    let mut rewrapped = 0;
    for _ in 0..MAX_WALKS {
        let walked = walk(&with, rewrapped, &mut tell).await?;
        rewrapped += walked.rewrapped;
        if walked.rewrapped == 0 && walked.missed == 0 {
            let check = sealer.store().sealed_values().check().await?;
            let last = page(&with, check.into_iter().collect()).await?;
            if last.missed > 0 {
                continue;
            }
            // The last walk saw everything under the newest key; what this run put there is not counted twice.
            let already = (walked.already + last.already).saturating_sub(rewrapped);
            return Ok(Rotated { rewrapped: rewrapped + last.rewrapped, already, broken: walked.broken });
        }
    }
    Err(RotateFailed::Unsettled)
}

/// What it is done with.
struct With<'a> {
    sealer: &'a Sealer,
    choices: &'a Choices,
    who: Who<'a>,
}

#[derive(Default)]
struct Walked {
    rewrapped: u64,
    already: u64,
    /// Values that somebody changed between reading and writing.
    missed: u64,
    broken: Vec<String>,
}

async fn walk(
    with: &With<'_>,
    rewrapped_before: u64,
    tell: &mut impl FnMut(Progress),
) -> Result<Walked, RotateFailed> {
    let of = with.sealer.store().sealed_values().count().await?;
    let mut walked = Walked::default();
    let mut pages = Pages::new(with.sealer.store());
    let mut seen = 0;
    while let Some(values) = pages.next().await? {
        seen += u64::try_from(values.len()).unwrap_or(u64::MAX);
        let done = page(with, values).await?;
        walked.rewrapped += done.rewrapped;
        walked.already += done.already;
        walked.missed += done.missed;
        walked.broken.extend(done.broken);
        tell(Progress { seen, of: of.max(seen), rewrapped: rewrapped_before + walked.rewrapped });
    }
    Ok(walked)
}

async fn page(with: &With<'_>, values: Vec<SealedValue>) -> Result<Walked, RotateFailed> {
    let mut done = Walked::default();
    let mut replacements = Vec::new();
    for old in values {
        let chosen = with.choices.of(old.owner).filter(|_| old.purpose == PROVIDER_KEY);
        match with.sealer.rewrap(chosen, &old.sealed, &bind(&old)).await {
            Ok(None) => done.already += 1,
            Ok(Some(sealed)) => replacements.push(Replacement { old, sealed }),
            Err(NotRewrapped::Rewrap(failed)) => match failed {
                RewrapFailed::DoesNotOpen(_) | RewrapFailed::Remote(RemoteFailed::Refused(_)) => {
                    done.broken.push(old.label);
                }
                RewrapFailed::Remote(unavailable) => return Err(RotateFailed::Remote(unavailable)),
                RewrapFailed::NoEntropy => return Err(RotateFailed::NoEntropy),
            },
            Err(NotRewrapped::Nowhere(nowhere)) => return Err(nowhere.into()),
        }
    }
    if !replacements.is_empty() {
        let act = Act::new(with.who.actor.clone(), with.who.clock.now());
        done.rewrapped = with.sealer.store().sealed_values().replace(&replacements, &act).await?;
        let asked = u64::try_from(replacements.len()).unwrap_or(u64::MAX);
        done.missed = asked.saturating_sub(done.rewrapped);
    }
    Ok(done)
}
