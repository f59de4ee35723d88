//! The cookies of browsers: read strictly, written with everything that keeps them where they belong. What is in
//! them is not known here.

use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};

use super::Api;

/// The access token: sent with every request to this installation, read by no script.
pub const ACCESS: &str = "pc_access";
/// The refresh token: sent to the path that takes it, and to no other.
pub const REFRESH: &str = "pc_refresh";
/// The token that a page repeats in a header, to show that it is ours; scripts of ours read it.
pub const CSRF: &str = "pc_csrf";
/// The path that takes refresh tokens.
pub const REFRESH_PATH: &str = "/api/v1/refresh";

/// Two cookies of one name that say different things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("two cookies have this name")]
pub struct Twice;

/// The value of the cookie `name`.
///
/// # Errors
/// [`Twice`] when there are two of them: which one is ours cannot be known.
pub fn read<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Twice> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut found = pairs.filter(|(found, _)| *found == name).map(|(_, value)| value);
    let first = found.next();
    if found.any(|other| Some(other) != first) { Err(Twice) } else { Ok(first) }
}

/// The cookies of a login.
#[derive(Debug)]
pub struct Cookies {
    lines: Vec<String>,
    secure: bool,
}

impl Cookies {
    /// None so far.
    #[must_use]
    pub fn new(api: &Api) -> Self {
        Self { lines: vec![], secure: api.settings().cookies_secure }
    }

    /// The access token, for `seconds`.
    #[must_use]
    pub fn access(self, token: &str, seconds: i64) -> Self {
        self.line(ACCESS, token, "/", "; HttpOnly", seconds)
    }

    /// The refresh token, for `seconds`.
    #[must_use]
    pub fn refresh(self, token: &str, seconds: i64) -> Self {
        self.line(REFRESH, token, REFRESH_PATH, "; HttpOnly", seconds)
    }

    /// The token against foreign pages, for `seconds`.
    #[must_use]
    pub fn csrf(self, token: &str, seconds: i64) -> Self {
        self.line(CSRF, token, "/", "", seconds)
    }

    /// Takes all of them away.
    #[must_use]
    pub fn gone(self) -> Self {
        self.access("", 0).refresh("", 0).csrf("", 0)
    }

    /// Writes them.
    pub fn write(&self, headers: &mut HeaderMap) {
        for line in &self.lines {
            // Tokens of ours: letters, digits and a few signs that a header may hold.
            if let Ok(mut value) = HeaderValue::from_str(line) {
                value.set_sensitive(true);
                headers.append(SET_COOKIE, value);
            }
        }
    }

    fn line(mut self, name: &str, value: &str, path: &str, http_only: &str, seconds: i64) -> Self {
        let secure = if self.secure { "; Secure" } else { "" };
        self.lines.push(format!(
            "{name}={value}; Path={path}; Max-Age={seconds}; SameSite=Strict{http_only}{secure}"
        ));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, line.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name_and_once() {
        let check = |lines: &[&str], expect: Result<Option<&str>, Twice>| {
            assert_eq!(read(&headers(lines), ACCESS), expect, "{lines:?}");
        };
        check(&[], Ok(None));
        check(&["pc_access=a"], Ok(Some("a")));
        check(&["x=1; pc_access=a=b; y=2"], Ok(Some("a=b")));
        check(&["x=1", "pc_access=a"], Ok(Some("a")));
        check(&["PC_ACCESS=a; xpc_access=b; pc_access2=c"], Ok(None));
        check(&["pc_access=a; pc_access=a"], Ok(Some("a")));
        check(&["pc_access=a; pc_access=b"], Err(Twice));
        check(&["pc_access=a", "pc_access=b"], Err(Twice));
    }

    #[test]
    fn cookies_stay_where_they_belong() {
        let cookies = Cookies { lines: vec![], secure: true }.access("t", 60).refresh("r", 90).csrf("c", 60);
        assert_eq!(cookies.lines[0], "pc_access=t; Path=/; Max-Age=60; SameSite=Strict; HttpOnly; Secure");
        assert_eq!(
            cookies.lines[1],
            "pc_refresh=r; Path=/api/v1/refresh; Max-Age=90; SameSite=Strict; HttpOnly; Secure"
        );
        assert_eq!(cookies.lines[2], "pc_csrf=c; Path=/; Max-Age=60; SameSite=Strict; Secure");
        assert!(!Cookies { lines: vec![], secure: false }.access("t", 60).lines[0].contains("Secure"));
    }
}
