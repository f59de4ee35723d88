//! A secret has no `Display`.

fn main() {
    let secret = domain::secret::Secret::new(b"sk-upstream".to_vec());
    let _ = format!("{secret}");
}
