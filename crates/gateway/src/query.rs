//! What a query asks of a list: names that are known, each once, with plain values.

use domain::code::Code;
use live::kept::{Order, Page};

use crate::refusal::Refusal;

/// Bytes that a value may have.
const MAX_VALUE_BYTES: usize = 256;

/// A query that was read.
#[derive(Debug)]
pub(crate) struct Query<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Query<'a> {
    /// Reads a query that may have these names alone.
    pub(crate) fn read(query: Option<&'a str>, known: &[&str]) -> Result<Self, Refusal> {
        let mut found = Vec::new();
        for member in query.unwrap_or_default().split('&').filter(|member| !member.is_empty()) {
            let (name, value) = member.split_once('=').unwrap_or((member, ""));
            let again = found.iter().any(|(earlier, _)| *earlier == name);
            if !known.contains(&name) || again || !is_plain(value) {
                let known = if known.is_empty() { "nothing".to_owned() } else { known.join(", ") };
                let message = format!("A query here may have {known}, each once and with a plain value.");
                return Err(Refusal::new(Code::InvalidRequest, message));
            }
            found.push((name, value));
        }
        Ok(Self(found))
    }

    /// The value of a name.
    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(found, _)| *found == name).map(|(_, value)| *value)
    }

    /// The page that `after`, `limit` and `order` ask for, of at most `most` entries.
    pub(crate) fn page(&self, most: u32) -> Result<Page<'a>, Refusal> {
        let refuse =
            |message: &'static str, about| Err(Refusal::new(Code::InvalidRequest, message).about(about));
        let limit = match self.get("limit").map(str::parse::<u32>) {
            None => most,
            Some(Ok(limit)) if limit > 0 => limit.min(most),
            Some(_) => return refuse("The limit must be an integer of at least 1.", "limit"),
        };
        let order = match self.get("order") {
            None | Some("desc") => Order::NewestFirst,
            Some("asc") => Order::OldestFirst,
            Some(_) => return refuse("The order must be asc or desc.", "order"),
        };
        Ok(Page { after: self.get("after"), limit, order })
    }
}

fn is_plain(value: &str) -> bool {
    (1..=MAX_VALUE_BYTES).contains(&value.len())
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 4] = ["after", "limit", "order", "purpose"];

    #[test]
    fn a_query_has_known_names_once() {
        let check = |query: &str, expect: bool| {
            assert_eq!(Query::read(Some(query), &KNOWN).is_ok(), expect, "{query}");
        };
        check("", true);
        check("after=file-1&limit=2&order=asc&purpose=batch", true);
        check("after=file-1&after=file-2", false);
        check("after", false);
        check("after=", false);
        check("after=a%2Fb", false);
        check("provider=openai", false);
    }

    #[test]
    fn a_page_is_bounded() {
        let check = |query: &str, expect: Option<(u32, Order)>| {
            let page = Query::read(Some(query), &KNOWN).unwrap().page(100);
            assert_eq!(page.ok().map(|page| (page.limit, page.order)), expect, "{query}");
        };
        check("", Some((100, Order::NewestFirst)));
        check("limit=7&order=asc", Some((7, Order::OldestFirst)));
        check("limit=10000&order=desc", Some((100, Order::NewestFirst)));
        check("limit=0", None);
        check("limit=-1", None);
        check("limit=99999999999", None);
        check("order=up", None);
    }
}
