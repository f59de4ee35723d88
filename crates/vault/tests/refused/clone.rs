//! A secret has no `Clone`.

fn copied<T: Clone>(value: &T) -> T {
    value.clone()
}

fn main() {
    let secret = domain::secret::Secret::new(b"sk-upstream".to_vec());
    let _ = copied(&secret);
}
