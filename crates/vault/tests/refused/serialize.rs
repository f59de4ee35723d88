//! A secret has no `Serialize`.

fn written<T: serde::Serialize>(_: &T) {}

fn main() {
    let secret = domain::secret::Secret::new(b"sk-upstream".to_vec());
    written(&secret);
}
