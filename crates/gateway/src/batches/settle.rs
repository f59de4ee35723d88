//! The end of a batch in the books: one call, with what the lines of its results say was used, by the prices of the day it
//! was asked for.

use std::sync::Arc;

use domain::batch::Batch;
use domain::price::{Pricing, Tokens, Units};
use domain::route::Connection;
use domain::usage::{CallSettled, Event, Outcome, UsageSource};
use http::StatusCode;
use http_body_util::BodyExt as _;
use tokio::time::{Instant, timeout_at};
use wire::batch::object::{BatchObject, Status};
use wire::batch::results::{Reader, Results};

use super::used::{Estimated, Used, cost, estimate, used};
use crate::gate::Gateway;
use crate::upstream::{Courier, Effect, Errand};

/// Why results were not read.
enum Unread {
    /// The provider may give them later.
    Later,
    /// It will not.
    Never,
}

/// Reads what an ended batch left behind and books it. Nothing is booked while its results may still be had, unless
/// `patience` is over.
pub(super) async fn settle(
    gate: &Arc<Gateway>,
    holder: &Arc<Connection>,
    batch: &Batch,
    told: &BatchObject,
    patience: Patience,
) {
    let outcome = match told.status {
        Status::Completed => Outcome::Complete,
        Status::Cancelled => Outcome::Cancelled,
        Status::Failed => Outcome::Failed,
        _ => Outcome::Cut,
    };
    let used = match read(gate, holder, batch, told).await {
        Ok(results) => used(batch, told, Some(&results)),
        Err(Unread::Later) if patience == Patience::Left => return,
        Err(Unread::Later | Unread::Never) => used(batch, told, None),
    };
    book(gate, batch, outcome, used);
}

/// Whether something may still be waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// It may.
    Left,
    /// It was waited for long enough.
    Over,
}

/// Books a batch whose provider does not say any more how it ended.
pub(super) fn give_up(gate: &Gateway, batch: &Batch) {
    match batch.name {
        // It was never seen to begin.
        None => book(gate, batch, Outcome::Failed, Used::default()),
        Some(_) => book(gate, batch, Outcome::Cut, estimate(batch)),
    }
}

/// Puts the end of a batch into the books.
pub(crate) fn book(gate: &Gateway, batch: &Batch, outcome: Outcome, used: Used) {
    let call = batch.opened.call;
    let source = match used {
        Used { estimated: Estimated::Something, .. } => UsageSource::Estimated,
        Used { answered: 0, tokens, .. } if tokens == Tokens::default() => UsageSource::None,
        _ => UsageSource::Provider,
    };
    let cost = cost(&batch.pricing, &used);
    let settled = CallSettled {
        opened: batch.opened.clone(),
        provider_key: Some(batch.connection),
        route_mode: Some(batch.route_mode),
        provider: batch.provider.clone(),
        model: batch.requests.model.clone(),
        outcome,
        tokens: used.tokens,
        units: Units::default(),
        source,
        cost,
        pricing: batch.pricing.word().to_owned(),
        price_version: batch.price_version.clone(),
    };
    let event = Event::Settled(settled);
    if let Err(full) = gate.outbox.append(&event) {
        // It stays open, and the next look books it.
        tracing::error!(%call, cost_nanos = cost.nanos(), %full, "the end of a batch was not recorded");
        return;
    }
    gate.ahead.book(call, gate.clock.now());
    gate.pool.recall(batch.connection, 0, used.tokens.total(), cost, gate.clock.now());
    if let Event::Settled(settled) = &event {
        gate.meters.booked(settled, 0);
    }
    tracing::info!(%call, outcome = outcome.word(), cost_nanos = cost.nanos(), "a batch is in the books");
}

/// Reads the lines of all files that a batch left behind, as they come in.
async fn read(
    gate: &Arc<Gateway>,
    holder: &Arc<Connection>,
    batch: &Batch,
    told: &BatchObject,
) -> Result<Results, Unread> {
    let mut reader = match &batch.pricing {
        Pricing::Stepped(stepped) => Reader::stepped(batch.requests.surface, stepped.from_prompt_tokens),
        _ => Reader::new(batch.requests.surface),
    };
    for name in [&told.output_file, &told.error_file].into_iter().flatten() {
        // Each file has a time of its own.
        let courier = Courier::for_the_books(gate, batch.opened.call);
        read_file(gate, &courier, holder, name, &mut reader).await?;
    }
    Ok(reader.finish())
}

async fn read_file(
    gate: &Gateway,
    courier: &Courier,
    holder: &Arc<Connection>,
    name: &str,
    reader: &mut Reader,
) -> Result<(), Unread> {
    let opened = courier.open(holder, Errand::get(format!("files/{name}/content"))).await;
    let mut body = opened.map_err(|undone| unread(undone.effect))?.into_body();
    loop {
        let strike = (Instant::now() + gate.settings.timeouts.between_bytes).min(courier.over_at());
        match timeout_at(strike, body.frame()).await {
            Ok(Some(Ok(frame))) => {
                if let Ok(piece) = frame.into_data() {
                    reader.feed(&piece);
                }
            }
            Ok(Some(Err(_))) | Err(_) => return Err(Unread::Later),
            Ok(None) => {
                reader.end_file();
                return Ok(());
            }
        }
        if Instant::now() >= courier.over_at() {
            return Err(Unread::Later);
        }
    }
}

fn unread(effect: Effect) -> Unread {
    match effect {
        // The key may be mended, the account filled, the limit pass.
        Effect::Refused(
            StatusCode::UNAUTHORIZED
            | StatusCode::PAYMENT_REQUIRED
            | StatusCode::FORBIDDEN
            | StatusCode::TOO_MANY_REQUESTS,
        )
        | Effect::NotSent
        | Effect::Unknown => Unread::Later,
        Effect::Refused(_) => Unread::Never,
    }
}
