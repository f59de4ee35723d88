//! A plaintext secret cannot be printed, copied, compared or serialized: code that tries does not compile.

#[test]
fn what_a_secret_must_not_do_does_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/refused/*.rs");
}
