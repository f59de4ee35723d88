//! The counts of a report of usage, as all providers write them. Refuses to know what is counted.

use crate::json::Shape;

/// More tokens than any call can have: about 10¹². Counts above are taken for nonsense.
pub(crate) const MAX_COUNT: u64 = 1 << 40;

/// The count that a value is; none where that is null. One that is negative, broken or absurd spoils its whole report.
/// `written` is what a string says, for those who write counts as strings.
pub(crate) fn read(shape: Shape, written: Option<u64>, spoiled: &mut bool) -> Option<u64> {
    let count = match shape {
        Shape::Null => return None,
        Shape::Unsigned(count) => Some(count),
        Shape::Float(count) if count.fract() == 0.0 => format!("{count:.0}").parse().ok(),
        Shape::Text { .. } => written,
        _ => None,
    };
    let count = count.filter(|&count| count <= MAX_COUNT);
    *spoiled |= count.is_none();
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_a_count_spoils_the_report() {
        let check = |shape: Shape, expect: Option<u64>, spoils: bool| {
            let mut spoiled = false;
            assert_eq!((read(shape, None, &mut spoiled), spoiled), (expect, spoils), "{shape:?}");
        };
        check(Shape::Null, None, false);
        check(Shape::Unsigned(7), Some(7), false);
        check(Shape::Float(7.0), Some(7), false);
        check(Shape::Unsigned(MAX_COUNT + 1), None, true);
        for shape in [Shape::Float(0.5), Shape::Negative(-1), Shape::Bool(true), Shape::Text { bytes: 1 }] {
            check(shape, None, true);
        }
        let mut spoiled = false;
        assert_eq!((read(Shape::Text { bytes: 1 }, Some(7), &mut spoiled), spoiled), (Some(7), false));
    }
}
