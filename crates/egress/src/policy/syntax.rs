//! What is refused from the text alone, before the URL parser makes it well-formed: the forms that two parsers
//! could read as two different hosts. It knows no names and no addresses.

use super::Rejected;

/// Refuses every spelling that is not plainly `scheme://host[:port][/path]`.
pub(super) fn refuse_ambiguity(url: &str) -> Result<(), Rejected> {
    if url.chars().any(|character| character.is_control() || character.is_whitespace()) {
        return Err(Rejected::Character);
    }
    if url.contains('\\') {
        return Err(Rejected::Backslash);
    }
    let (scheme, rest) = url.split_once(':').ok_or(Rejected::Scheme)?;
    if !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") {
        return Err(Rejected::Scheme);
    }
    let rest = rest.strip_prefix("//").ok_or(Rejected::Slashes)?;
    if rest.starts_with('/') {
        return Err(Rejected::Slashes);
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    if authority.contains('@') {
        return Err(Rejected::UserInfo);
    }
    port_text(authority).and_then(refuse_port_text)
}

/// What follows the host's colon, where there is one.
fn port_text(authority: &str) -> Result<Option<&str>, Rejected> {
    if let Some(bracketed) = authority.strip_prefix('[') {
        let (_, after) = bracketed.split_once(']').ok_or(Rejected::Host)?;
        return match after.strip_prefix(':') {
            None if after.is_empty() => Ok(None),
            Some(port) if !port.contains(':') => Ok(Some(port)),
            None | Some(_) => Err(Rejected::Host),
        };
    }
    match authority.split_once(':') {
        None if authority.is_empty() => Err(Rejected::Host),
        None => Ok(None),
        Some((host, port)) if host.is_empty() || port.contains(':') => Err(Rejected::Host),
        Some((_, port)) => Ok(Some(port)),
    }
}

/// An empty port means the default one (RFC 3986, 3.2.3) and leading zeros mean nothing; anything else must be a
/// number from 0 to 65535.
fn refuse_port_text(port: Option<&str>) -> Result<(), Rejected> {
    let Some(port) = port.filter(|port| !port.is_empty()) else { return Ok(()) };
    // `parse` alone would let a plus sign through.
    if port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok() {
        return Ok(());
    }
    Err(Rejected::Port)
}
