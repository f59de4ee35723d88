//! A batch as the journal writes it: every price with its place, present or not, for the form of a price list elsewhere
//! leaves out what it does not have, which cannot be read back where fields have no names.

use domain::batch::Batch;
use domain::file::Requests;
use domain::id::ProviderKeyId;
use domain::money::Money;
use domain::price::{Price, Pricing, Stepped};
use domain::usage::{CallOpened, RouteMode};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(super) struct Written {
    opened: CallOpened,
    connection: ProviderKeyId,
    route_mode: RouteMode,
    provider: String,
    input_file: String,
    requests: Requests,
    pricing: Priced,
    price_version: String,
    name: Option<String>,
}

#[derive(Serialize, Deserialize)]
enum Priced {
    One(List),
    Free,
    Unpriced,
    Two(List, u64, List),
}

#[derive(Serialize, Deserialize)]
struct List {
    input: Money,
    cache_read: Money,
    cache_write: Money,
    output: Money,
    reasoning: Money,
    audio: Money,
    request: Money,
    cache_write_1h: Money,
    image: Money,
    picture: Option<Money>,
    second: Option<Money>,
    characters: Option<Money>,
    search: Option<Money>,
}

impl Written {
    pub(super) fn of(batch: &Batch) -> Self {
        let batch = batch.clone();
        let pricing = match batch.pricing {
            Pricing::Priced(price) => Priced::One(List::of(price)),
            Pricing::Free => Priced::Free,
            Pricing::Unpriced => Priced::Unpriced,
            Pricing::Stepped(Stepped { below, from_prompt_tokens, beyond }) => {
                Priced::Two(List::of(below), from_prompt_tokens, List::of(beyond))
            }
        };
        Self {
            opened: batch.opened,
            connection: batch.connection,
            route_mode: batch.route_mode,
            provider: batch.provider,
            input_file: batch.input_file,
            requests: batch.requests,
            pricing,
            price_version: batch.price_version,
            name: batch.name,
        }
    }

    pub(super) fn read(self) -> Batch {
        let pricing = match self.pricing {
            Priced::One(list) => Pricing::Priced(list.read()),
            Priced::Free => Pricing::Free,
            Priced::Unpriced => Pricing::Unpriced,
            Priced::Two(below, from_prompt_tokens, beyond) => {
                Pricing::Stepped(Stepped { below: below.read(), from_prompt_tokens, beyond: beyond.read() })
            }
        };
        Batch {
            opened: self.opened,
            connection: self.connection,
            route_mode: self.route_mode,
            provider: self.provider,
            input_file: self.input_file,
            requests: self.requests,
            pricing,
            price_version: self.price_version,
            name: self.name,
        }
    }
}

/// Moves a price list from one type to the other, field by field, so that a new kind of price cannot be forgotten.
macro_rules! moved {
    ($list:expr, $from:ident => $to:ident) => {{
        let $from {
            input,
            cache_read,
            cache_write,
            output,
            reasoning,
            audio,
            request,
            cache_write_1h,
            image,
            picture,
            second,
            characters,
            search,
        } = $list;
        $to {
            input,
            cache_read,
            cache_write,
            output,
            reasoning,
            audio,
            request,
            cache_write_1h,
            image,
            picture,
            second,
            characters,
            search,
        }
    }};
}

impl List {
    fn of(price: Price) -> Self {
        moved!(price, Price => List)
    }

    fn read(self) -> Price {
        moved!(self, List => Price)
    }
}
