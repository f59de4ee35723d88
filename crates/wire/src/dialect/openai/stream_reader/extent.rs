//! Where a JSON object that comes in pieces ends, without keeping it.

/// What has come of the object.
#[derive(Debug, Default)]
pub(super) struct Extent {
    depth: u32,
    in_string: bool,
    escaped: bool,
    closed: bool,
}

impl Extent {
    /// Takes in the next piece.
    pub(super) fn take_in(&mut self, piece: &str) {
        for byte in piece.bytes() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_string => self.escaped = true,
                b'"' => self.in_string = !self.in_string,
                _ if self.in_string => {}
                b'{' | b'[' => self.depth = self.depth.saturating_add(1),
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    self.closed |= self.depth == 0;
                }
                _ => {}
            }
        }
    }

    /// Whether its last brace has come.
    pub(super) fn is_whole(&self) -> bool {
        self.closed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_ends_with_its_last_brace() {
        let text = r#"{"a":"}\"{","b":[{},{"c":"\\"}]}"#;
        for size in 1..text.len() {
            let mut extent = Extent::default();
            let pieces = text.as_bytes().chunks(size);
            let mut come = 0;
            for piece in pieces {
                assert!(!extent.is_whole(), "after {come} of {text}");
                extent.take_in(std::str::from_utf8(piece).unwrap());
                come += piece.len();
            }
            assert!(extent.is_whole());
        }
    }

    #[test]
    fn nothing_is_not_whole() {
        let mut extent = Extent::default();
        extent.take_in("");
        extent.take_in("  ");
        assert!(!extent.is_whole());
    }
}
