//! Neither the vault nor the pepper has `Debug`, so no struct that holds one can derive it.

fn shown<T: std::fmt::Debug>() {}

fn main() {
    shown::<vault::envelope::Vault>();
    shown::<vault::digest::Pepper>();
}
