//! The known name that a mistyped one most likely meant.

/// The nearest of `known` to `typed`, unless even that is far off (more than a third of its letters).
pub fn nearest<'a>(typed: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|name| (distance(typed, name), name))
        .min()
        .filter(|(distance, name)| *distance * 3 <= name.len().max(typed.len()))
        .map(|(_, name)| name)
}

/// Levenshtein's distance over bytes: insertions, deletions and substitutions.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (line, a) in from.bytes().enumerate() {
        let mut diagonal = line;
        row[0] = line + 1;
        for (column, b) in to.bytes().enumerate() {
            let substituted = diagonal + usize::from(a != b);
            diagonal = row[column + 1];
            row[column + 1] = substituted.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_a_stranger_is_not() {
        let known = ["limits.concurrent", "log.level", "log.format"];
        assert_eq!(nearest("limits.concurent", known.into_iter()), Some("limits.concurrent"));
        assert_eq!(nearest("log.formt", known.into_iter()), Some("log.format"));
        assert_eq!(nearest("database.url", known.into_iter()), None);
        assert_eq!(nearest("x", std::iter::empty()), None);
    }
}
