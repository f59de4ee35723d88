//! A request's head with the headers that the gate itself acts on, found in one pass: a table of headers would be
//! searched anew for each question. What follows from them is decided where it is asked.

use std::ops::Deref;

use http::request::Parts;
use http::{HeaderName, HeaderValue};

/// The head of a request. Its fields are named after the headers.
pub(crate) struct Head<'a> {
    parts: &'a Parts,
    pub host: Sent<'a>,
    pub content_length: Sent<'a>,
    pub transfer_encoding: Sent<'a>,
    pub expect: Sent<'a>,
    pub upgrade: Sent<'a>,
    pub origin: Sent<'a>,
    pub request_id: Sent<'a>,
    pub authorization: Sent<'a>,
    /// The headers in which official clients send their key besides `authorization`, taken as one.
    pub key: Sent<'a>,
    pub content_type: Sent<'a>,
    pub content_encoding: Sent<'a>,
    pub strict: Sent<'a>,
    pub provider: Sent<'a>,
    pub provider_key: Sent<'a>,
    /// The headers that choose versions of a protocol, taken as one.
    pub versions: Sent<'a>,
}

/// How a header was sent.
#[derive(Clone, Copy, Default)]
pub(crate) struct Sent<'a> {
    /// Its first value.
    pub first: Option<&'a HeaderValue>,
    /// Whether it was sent more than once.
    pub again: bool,
    /// Whether two of its values are not the same.
    pub differs: bool,
}

impl<'a> Sent<'a> {
    /// Its value, if it was sent once.
    pub(crate) fn only(self) -> Option<&'a HeaderValue> {
        self.first.filter(|_| !self.again)
    }

    fn note(&mut self, value: &'a HeaderValue) {
        match self.first {
            None => self.first = Some(value),
            Some(first) => {
                self.again = true;
                self.differs |= first != value;
            }
        }
    }
}

impl<'a> Head<'a> {
    /// Looks through the headers.
    pub(crate) fn of(parts: &'a Parts) -> Self {
        let none = Sent::default();
        let mut head = Self {
            parts,
            host: none,
            content_length: none,
            transfer_encoding: none,
            expect: none,
            upgrade: none,
            origin: none,
            request_id: none,
            authorization: none,
            key: none,
            content_type: none,
            content_encoding: none,
            strict: none,
            provider: none,
            provider_key: none,
            versions: none,
        };
        for (name, value) in &parts.headers {
            if let Some(sent) = head.place(name) {
                sent.note(value);
            }
        }
        head
    }

    /// Every value of the header `name`, which was noted as `sent`.
    pub(crate) fn all(
        &self,
        sent: Sent<'a>,
        name: HeaderName,
    ) -> impl Iterator<Item = &'a HeaderValue> + use<'a> {
        let further = sent.again.then(|| self.parts.headers.get_all(name).iter().skip(1));
        sent.first.into_iter().chain(further.into_iter().flatten())
    }

    fn place(&mut self, name: &HeaderName) -> Option<&mut Sent<'a>> {
        Some(match name.as_str() {
            "host" => &mut self.host,
            "content-length" => &mut self.content_length,
            "content-type" => &mut self.content_type,
            "authorization" => &mut self.authorization,
            "x-api-key" | "api-key" | "x-goog-api-key" => &mut self.key,
            "x-request-id" => &mut self.request_id,
            "origin" => &mut self.origin,
            "transfer-encoding" => &mut self.transfer_encoding,
            "expect" => &mut self.expect,
            "upgrade" => &mut self.upgrade,
            "content-encoding" => &mut self.content_encoding,
            crate::decode::STRICT => &mut self.strict,
            crate::inline::KEY => &mut self.provider_key,
            crate::inline::PROVIDER => &mut self.provider,
            "anthropic-version" | "anthropic-beta" | "openai-beta" => &mut self.versions,
            _ => return None,
        })
    }
}

impl Deref for Head<'_> {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        self.parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    #[test]
    fn a_header_is_noted_with_whether_it_came_again() {
        let check = |headers: &[(&str, &str)], once: Option<&str>, again: bool, differs: bool| {
            let mut request = Request::builder();
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let (parts, ()) = request.body(()).unwrap().into_parts();
            let key = Head::of(&parts).key;
            assert_eq!(key.only().map(|value| value.to_str().unwrap()), once, "{headers:?}");
            assert_eq!((key.again, key.differs), (again, differs), "{headers:?}");
        };
        check(&[("accept", "a")], None, false, false);
        check(&[("X-Api-Key", "a"), ("accept", "b")], Some("a"), false, false);
        check(&[("x-api-key", "a"), ("x-api-key", "a")], None, true, false);
        check(&[("x-api-key", "a"), ("api-key", "a"), ("x-goog-api-key", "b")], None, true, true);
    }

    #[test]
    fn all_values_of_a_header_are_found() {
        let lines = ["h2c", "websocket", "x"];
        let request = lines.iter().fold(Request::builder(), |request, line| request.header("upgrade", *line));
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let head = Head::of(&parts);
        let found: Vec<_> = head.all(head.upgrade, http::header::UPGRADE).collect();
        assert_eq!(found, lines);
        assert_eq!(head.all(head.host, http::header::HOST).count(), 0);
    }
}
