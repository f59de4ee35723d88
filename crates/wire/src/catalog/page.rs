//! The documentation page of the providers and the shipped prices, written from the tables themselves.

use domain::catalog::CachedInBatch;
use domain::money::Money;
use domain::price::{Price, Pricing};
use domain::usage::Surface;

use super::{
    BadCatalog, Catalog, KeyRule, Kind, Modalities, Model, Production, Provider, StreamUsage, providers,
};

const INTRODUCTION: &str = "\
# Providers and prices

This page is generated from the provider table and the shipped catalogue; do not edit it by hand.

A connection is a provider, a base URL, a key and the models it serves. The base URL of a row is what a new
connection gets when it names none; the path of the endpoint is appended to it. Requests pass through byte for byte,
except the model name and the request for token counts in streams, where the caller speaks one of the provider's
protocols; any other conversation is translated to the first of them.
";

const MODELS_INTRODUCTION: &str = "
## Models and list prices

*Reads* and *writes* are what a model takes and gives, of text, image, audio, video and pdf, as far as documentation says so.
A question mark means that none was found, a dash that what it gives is none of these.

Prices are USD per million tokens, and under *other* what is not counted so. A dash under *cache read* or *cache write* means that it
costs as much as other input; where two prices stand under *cache write*, the second is for an hour.
Reasoning tokens cost as much as other output. Where a list price depends on the length of the prompt, the second line holds for a
prompt of at least that many tokens, as a whole. Where it depends on the time of day or on an introductory period,
the catalogue keeps the higher one. Priority tiers, and charges for tools such as web search, are not included; a batch
costs the share of each price that stands with its provider above. *Checked* is the day of the newest evidence for the price and leads to the page that publishes it.

A model that is not listed can still be used: on a server of your own it is free, anywhere else it is unpriced
(its cost is unknown, not zero) until you price it with `portcullis model` or in a catalogue file of your own.
";

/// The page as Markdown.
///
/// # Errors
/// [`BadCatalog`] when the shipped catalogue is at fault.
pub fn docs_page() -> Result<String, BadCatalog> {
    let catalog = Catalog::shipped()?;
    let mut page = String::from(INTRODUCTION);
    table_of_providers(&mut page);
    notes(&mut page);
    page.push_str(MODELS_INTRODUCTION);
    line(&mut page, &format!("\nCatalogue version: `{}`.", catalog.version));
    for provider in providers() {
        let models: Vec<&Model> = catalog.models().filter(|model| model.provider == provider.slug).collect();
        if !models.is_empty() {
            table_of_models(&mut page, provider, &models);
        }
    }
    Ok(page)
}

fn table_of_providers(page: &mut String) {
    line(
        page,
        "\n| provider | slug | base URL | key | conversations | other endpoints | token counts in streams |",
    );
    line(page, "|---|---|---|---|---|---|---|");
    for provider in providers() {
        let base_url = provider.base_url.map_or_else(|| "given by the connection".to_owned(), code);
        let protocols: Vec<&str> = provider.protocols.iter().map(|protocol| protocol.word()).collect();
        let surfaces: Vec<String> =
            provider.surfaces.iter().map(|surface| endpoint(provider, *surface)).collect();
        line(
            page,
            &format!(
                "| [{}]({}) | `{}` | {base_url} | {} | {} | {} | {} |",
                provider.title,
                provider.docs_url,
                provider.slug,
                key(provider),
                protocols.join(", "),
                surfaces.join(", "),
                usage(provider.usage_in_streams),
            ),
        );
    }
}

/// An endpoint, and beside batches what they cost.
fn endpoint(provider: &Provider, surface: Surface) -> String {
    match (surface, provider.batch_percent) {
        (Surface::Batches, Some(percent)) => {
            let cached = match provider.cached_in_batch {
                CachedInBatch::ShareOfItsPrice => "",
                CachedInBatch::AsOtherInput => ", input from the cache as other input",
            };
            format!("{} (at {percent} % of each price{cached})", surface.word())
        }
        _ => surface.word().to_owned(),
    }
}

fn key(provider: &Provider) -> String {
    match (provider.key, provider.key_prefixes) {
        (KeyRule::Optional, _) => "optional".to_owned(),
        (KeyRule::Required, []) => "any form".to_owned(),
        (KeyRule::Required, prefixes) => {
            prefixes.iter().map(|prefix| format!("`{prefix}…`")).collect::<Vec<_>>().join(" or ")
        }
    }
}

fn usage(usage: StreamUsage) -> &'static str {
    match usage {
        StreamUsage::OnRequest => "asked for",
        StreamUsage::Unasked => "must not be asked for",
    }
}

fn notes(page: &mut String) {
    line(page, "");
    for provider in providers() {
        let refused = match provider.production {
            Production::Allowed => "",
            Production::Refused => " Refused in production.",
        };
        if !provider.notes.is_empty() {
            line(page, &format!("- **{}**: {}{refused}", provider.title, provider.notes));
        }
    }
}

fn table_of_models(page: &mut String, provider: &Provider, models: &[&Model]) {
    line(page, &format!("\n### {}\n", provider.title));
    line(
        page,
        "| model | kind | reads | writes | context | most output | input | cache read | cache write | output | other | checked |",
    );
    line(page, "|---|---|---|---|---|---|---|---|---|---|---|---|");
    for model in models {
        let name = model.names().map(code).collect::<Vec<_>>().join(", ");
        let checked = match (&model.checked, &model.source_url) {
            (Some(day), Some(url)) => format!("[{day}]({url})"),
            (Some(day), None) => day.clone(),
            (None, _) => "–".to_owned(),
        };
        let head = format!(
            "| {name} | {} | {} | {} | {} | {} ",
            model.kind.word(),
            known(model.reads),
            written(model),
            tokens(model.context_tokens),
            tokens(model.max_output_tokens)
        );
        match model.pricing {
            Pricing::Priced(price) => line(page, &format!("{head}{}| {checked} |", prices(&price, model))),
            Pricing::Stepped(stepped) => {
                line(page, &format!("{head}{}| {checked} |", prices(&stepped.below, model)));
                let from = stepped.from_prompt_tokens;
                line(
                    page,
                    &format!("| … from {from} prompt tokens | | | | | {}| |", prices(&stepped.beyond, model)),
                );
            }
            Pricing::Free | Pricing::Unpriced => {
                line(page, &format!("{head}| {} | | | | | {checked} |", model.pricing.word()));
            }
        }
    }
    let noted = models.iter().filter_map(|model| model.note.as_ref().map(|note| (&model.name, note)));
    for (index, (name, note)) in noted.enumerate() {
        let gap = if index == 0 { "\n" } else { "" };
        line(page, &format!("{gap}- `{name}`: {note}"));
    }
}

fn prices(price: &Price, model: &Model) -> String {
    let unless_as_input = |part: Money| if part == price.input { "–".to_owned() } else { part.to_string() };
    let (read, write) = (unless_as_input(price.cache_read), unless_as_input(price.cache_write));
    let write = match price.cache_write_1h {
        hour if hour == price.cache_write => write,
        hour => format!("{write}, {hour}"),
    };
    format!("| {} | {read} | {write} | {} | {} ", price.input, price.output, others(price, model))
}

/// The prices of what is no text: tokens that differ from the dearer of input and output, and units.
fn others(price: &Price, model: &Model) -> String {
    let dearer = price.input.max(price.output);
    // What makes nothing but pictures has the price of those under output.
    let pictures = if model.kind == Kind::Image { "pictures read" } else { "pictures made" };
    let unless_dearer = |part: Money| (part != dearer).then_some(part);
    let all = [
        (unless_dearer(price.audio), "audio"),
        (unless_dearer(price.image), pictures),
        (price.picture, "a picture"),
        (price.second, "a second"),
        (price.characters, "a million characters"),
        (price.search, "a search"),
        ((price.request > Money::ZERO).then_some(price.request), "a request"),
    ];
    let words = all.into_iter().filter_map(|(price, word)| Some(format!("{word}: {}", price?)));
    words.collect::<Vec<_>>().join(", ")
}

/// What it writes; a dash where its kind writes nothing that could be listed.
fn written(model: &Model) -> String {
    if model.kind.has_output() { known(model.writes) } else { "–".to_owned() }
}

fn known(modalities: Modalities) -> String {
    if modalities.is_unknown() { "?".to_owned() } else { modalities.to_string() }
}

fn tokens(count: Option<u32>) -> String {
    count.map_or_else(|| "–".to_owned(), |count| count.to_string())
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

fn line(page: &mut String, text: &str) {
    page.push_str(text);
    page.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/providers.md");
    const TARGET: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target");

    #[test]
    fn the_committed_page_is_the_generated_one() {
        let page = docs_page().unwrap();
        if std::fs::read_to_string(COMMITTED).ok().as_deref() != Some(page.as_str()) {
            std::fs::create_dir_all(TARGET).unwrap();
            std::fs::write(format!("{TARGET}/providers.md"), &page).unwrap();
            panic!("docs/providers.md is stale: cp target/providers.md docs/providers.md");
        }
    }

    #[test]
    fn every_provider_and_every_model_is_on_the_page() {
        let page = docs_page().unwrap();
        for provider in providers() {
            assert!(page.contains(&format!("| `{}` |", provider.slug)), "{}", provider.slug);
        }
        for model in Catalog::shipped().unwrap().models() {
            assert!(page.contains(&format!("| `{}`", model.name)), "{}", model.name);
        }
    }
}
