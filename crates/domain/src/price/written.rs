//! A price list as it was written down, by this release or by one that knew fewer kinds. What a list does not say of a new
//! kind is what that kind cost under the old ones, never nothing.

use serde::Deserialize;

use super::Price;
use crate::money::Money;

#[derive(Deserialize)]
pub(super) struct Written {
    input: Money,
    cache_read: Money,
    cache_write: Money,
    output: Money,
    reasoning: Money,
    audio: Money,
    request: Money,
    cache_write_1h: Option<Money>,
    image: Option<Money>,
    picture: Option<Money>,
    second: Option<Money>,
    characters: Option<Money>,
    search: Option<Money>,
}

impl From<Written> for Price {
    fn from(written: Written) -> Self {
        let Written { input, output, cache_write, picture, second, characters, search, .. } = written;
        Self {
            input,
            cache_read: written.cache_read,
            cache_write,
            output,
            reasoning: written.reasoning,
            audio: written.audio,
            request: written.request,
            cache_write_1h: written.cache_write_1h.unwrap_or(cache_write),
            image: written.image.unwrap_or(input.max(output)),
            picture,
            second,
            characters,
            search,
        }
    }
}
