//! The prices of a model as the table keeps them: lists with the length of prompt from which each holds. A negative
//! price neither gets in nor out.

use domain::price::{NegativePrice, Price, Pricing, Stepped};
use serde::{Deserialize, Serialize};

use crate::db::ReadFailed;
use crate::db::row::Row;

/// One list of prices.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct List {
    from_prompt_tokens: u64,
    price: Price,
}

/// The lists of `pricing`, shortest prompts first; `None` when it has no price.
pub(crate) fn of(pricing: &Pricing) -> Result<Option<Vec<List>>, NegativePrice> {
    let list =
        |from_prompt_tokens, price: Price| price.checked().map(|price| List { from_prompt_tokens, price });
    match pricing {
        Pricing::Free | Pricing::Unpriced => Ok(None),
        Pricing::Priced(price) => Ok(Some(vec![list(0, *price)?])),
        Pricing::Stepped(Stepped { below, from_prompt_tokens, beyond }) => {
            Ok(Some(vec![list(0, *below)?, list(*from_prompt_tokens, *beyond)?]))
        }
    }
}

/// Reads the two columns of a price, `pricing` and `prices`.
pub(crate) fn column(row: &Row) -> Result<Pricing, ReadFailed> {
    match row.text("pricing")?.as_str() {
        "free" => Ok(Pricing::Free),
        "unpriced" => Ok(Pricing::Unpriced),
        // The table allows no fourth word, and no price without its lists.
        _ => row.read("prices", read),
    }
}

/// Reads the stored text; `None` when it is not what [`of`] makes.
fn read(text: &str) -> Option<Pricing> {
    let lists: Vec<List> = serde_json::from_str(text).ok()?;
    if lists.iter().any(|list| list.price.checked().is_err()) {
        return None;
    }
    match lists.as_slice() {
        [List { from_prompt_tokens: 0, price }] => Some(Pricing::Priced(*price)),
        [List { from_prompt_tokens: 0, price: below }, List { from_prompt_tokens, price: beyond }] => {
            let from_prompt_tokens = *from_prompt_tokens;
            Some(Pricing::Stepped(Stepped { below: *below, from_prompt_tokens, beyond: *beyond }))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::money::Money;
    use proptest::prelude::*;

    /// The text that databases hold: a change of the types behind it must not change what it means.
    const STORED: &str = r#"[{"from_prompt_tokens":0,"price":{"input":1,"cache_read":2,"cache_write":3,"output":4,"reasoning":5,"audio":6,"request":7,"cache_write_1h":8,"image":9}}]"#;

    /// The text of before there were units.
    const FORMER: &str = r#"[{"from_prompt_tokens":0,"price":{"input":1,"cache_read":2,"cache_write":3,"output":4,"reasoning":5,"audio":6,"request":7}}]"#;

    fn price(parts: [i64; 9]) -> Price {
        let [input, cache_read, cache_write, output, reasoning, audio, request, cache_write_1h, image] =
            parts.map(Money::from_nanos);
        Price {
            input,
            cache_read,
            cache_write,
            output,
            reasoning,
            audio,
            request,
            cache_write_1h,
            image,
            ..Price::default()
        }
    }

    #[test]
    fn a_former_text_prices_new_kinds_as_it_did() {
        assert_eq!(read(FORMER), Some(Pricing::Priced(price([1, 2, 3, 4, 5, 6, 7, 3, 4]))));
    }

    #[test]
    fn the_stored_text_stays_readable() {
        let pricing = Pricing::Priced(price([1, 2, 3, 4, 5, 6, 7, 8, 9]));
        assert_eq!(read(STORED), Some(pricing));
        assert_eq!(serde_json::to_string(&of(&pricing).unwrap()).unwrap(), STORED);
    }

    #[test]
    fn negative_and_odd_texts_do_not_read() {
        for text in ["", "[]", "null", &STORED.replace('1', "-1"), &STORED.replace(":0", ":9"), &STORED[1..]]
        {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(of(&Pricing::Priced(price([0, 0, 0, 0, 0, 0, -1, 0, 0]))).err(), Some(NegativePrice));
    }

    proptest! {
        #[test]
        fn prices_round_trip(
            below in any::<[u32; 9]>(), beyond in any::<[u32; 9]>(), units in any::<[Option<u32>; 4]>(),
            from_prompt_tokens in any::<u64>()
        ) {
            let [picture, second, characters, search] =
                units.map(|price| price.map(|nanos| Money::from_nanos(nanos.into())));
            let [below, beyond] = [below, beyond].map(|parts| Price {
                picture, second, characters, search, ..price(parts.map(i64::from))
            });
            for pricing in [Pricing::Priced(below), Pricing::Stepped(Stepped { below, from_prompt_tokens, beyond })] {
                let text = serde_json::to_string(&of(&pricing).unwrap()).unwrap();
                prop_assert_eq!(read(&text), Some(pricing));
            }
        }
    }
}
