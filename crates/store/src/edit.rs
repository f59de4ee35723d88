//! What a person wants of one field: that it stays, or that it is something else. Unlike an `Option`, it can also say
//! that a field is to become empty.

/// The wish for one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Edit<T> {
    /// It stays as it is.
    #[default]
    Keep,
    /// It becomes this.
    Set(T),
}

impl<T: Clone + PartialEq> Edit<T> {
    /// Puts the wish into practice on `field`, and says whether that made a difference.
    pub(crate) fn over(&self, field: &mut T) -> bool {
        match self {
            Self::Set(value) if value != field => {
                field.clone_from(value);
                true
            }
            _ => false,
        }
    }
}

impl<T> From<Option<T>> for Edit<T> {
    /// For a field that cannot be empty: none is no wish.
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Keep, Self::Set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_makes_a_difference_or_none() {
        let check = |wish: Edit<Option<u8>>, before, after, differs| {
            let mut field = before;
            assert_eq!((wish.over(&mut field), field), (differs, after), "{wish:?} over {before:?}");
        };
        check(Edit::Keep, Some(1), Some(1), false);
        check(Edit::Set(Some(1)), Some(1), Some(1), false);
        check(Edit::Set(Some(2)), Some(1), Some(2), true);
        check(Edit::Set(None), Some(1), None, true);
        assert_eq!(Edit::from(None::<u8>), Edit::Keep);
    }
}
