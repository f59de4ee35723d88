//! A limit as a person types it: a number, or a word for none of its own.

/// A limit of its own, or none.
#[derive(Debug, Clone, Copy)]
pub struct OwnLimit(pub Option<u32>);

/// Reads one.
///
/// # Errors
/// When it is neither a whole number above zero nor `default` or `off`.
pub fn limit(text: &str) -> Result<OwnLimit, String> {
    match text {
        "default" | "off" => Ok(OwnLimit(None)),
        number => match number.parse() {
            Ok(number) if number > 0 => Ok(OwnLimit(Some(number))),
            _ => Err("not a whole number above zero".to_owned()),
        },
    }
}
