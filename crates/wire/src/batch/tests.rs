use super::*;

#[test]
fn names_stay_themselves_in_a_path() {
    let check = |name: &str, expect: bool| assert_eq!(is_name(name), expect, "{name}");
    check("file-abc_123.x:y", true);
    check(&"a".repeat(256), true);
    check(&"a".repeat(257), false);
    for name in ["", ".", "..", ".a", "a/b", "a b", "a%2fb", "a\n", "é", "a?b"] {
        check(name, false);
    }
}
