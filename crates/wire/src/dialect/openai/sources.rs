//! Where an answer comes from as a whole, as Perplexity and xAI say it beside the choices: pages that were searched, not
//! placed in the words that rest on them. Refuses to know what was said.

use domain::chat::Citation;

use crate::json::look::{Object, Value};

/// Sources of one answer that are read; more than any provider gives.
const MAX_SOURCES: usize = 256;

/// Reads `search_results`, and of `citations` the addresses that are not among them.
pub(super) fn read(answer: &Object<'_>) -> Vec<Citation> {
    let mut sources: Vec<Citation> = Vec::new();
    for page in answer.items("search_results").into_iter().filter_map(Value::object).take(MAX_SOURCES) {
        if let Some(url) = page.words("url") {
            let (title, quoted) = (page.words("title"), page.words("snippet"));
            sources.push(Citation { url: Some(url), title, quoted, ..Citation::default() });
        }
    }
    for url in answer.items("citations").into_iter().filter_map(Value::text).take(MAX_SOURCES) {
        if !url.is_empty() && sources.iter().all(|known| known.url.as_deref() != Some(&*url)) {
            sources.push(Citation { url: Some(url.into_owned()), ..Citation::default() });
        }
    }
    sources
}
