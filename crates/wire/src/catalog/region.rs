//! The region of an endpoint of Amazon's, which its host names and every signature needs. Knows no other cloud.

use super::provider::{Auth, Provider};

/// Endings of the hosts of Amazon's services, in all its partitions, for both versions of IP, and within a VPC.
const SUFFIXES: &[&str] = &[
    ".vpce.amazonaws.com",
    ".vpce.amazonaws.com.cn",
    ".amazonaws.com",
    ".amazonaws.com.cn",
    ".amazonaws.eu",
    ".api.aws",
    ".api.amazonwebservices.com.cn",
    ".api.amazonwebservices.eu",
];
/// What the label before the region is called.
const SERVICES: &[&str] = &["bedrock-runtime", "bedrock-runtime-fips"];

/// The region in the host of a Bedrock endpoint: `eu-central-1` of `bedrock-runtime.eu-central-1.amazonaws.com`. `None` when
/// it is no such host.
#[must_use]
pub fn aws_region(host: &str) -> Option<&str> {
    let names = SUFFIXES.iter().filter_map(|suffix| host.strip_suffix(suffix));
    let mut labels = names.min_by_key(|name| name.len())?.rsplit('.');
    let (region, service) = (labels.next()?, labels.next()?);
    (is_region(region) && SERVICES.contains(&service)).then_some(region)
}

/// A connection whose host does not go with its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the base URL names no region, which the keys of an account are signed for: give \
     https://bedrock-runtime.REGION.amazonaws.com or its endpoint in a VPC"
)]
pub struct NoRegion;

/// Checks that `secret` can be used at `host`: keys of an Amazon account need a region, and the host names it.
///
/// # Errors
/// [`NoRegion`] when it does not.
pub fn check_host(provider: &Provider, host: &str, secret: &[u8]) -> Result<(), NoRegion> {
    let is_signed = provider.auth == Auth::Aws && secret.contains(&b':');
    if is_signed && aws_region(host).is_none() { Err(NoRegion) } else { Ok(()) }
}

/// At least two words and a number: `us-gov-west-1`.
fn is_region(label: &str) -> bool {
    let mut parts = label.rsplit('-');
    let number = parts.next().is_some_and(|part| {
        !part.is_empty() && part.len() <= 2 && part.bytes().all(|byte| byte.is_ascii_digit())
    });
    let words: Vec<&str> = parts.collect();
    let is_word = |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    number && words.len() >= 2 && words.iter().all(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_names_the_region() {
        let check = |host: &str, expect: Option<&str>| assert_eq!(aws_region(host), expect, "{host}");
        check("bedrock-runtime.eu-central-1.amazonaws.com", Some("eu-central-1"));
        check("bedrock-runtime-fips.us-gov-west-1.amazonaws.com", Some("us-gov-west-1"));
        check("bedrock-runtime.cn-north-1.amazonaws.com.cn", Some("cn-north-1"));
        check("bedrock-runtime.us-east-1.api.aws", Some("us-east-1"));
        check("bedrock-runtime.eusc-de-east-1.amazonaws.eu", Some("eusc-de-east-1"));
        check("vpce-0123abcd-e45f.bedrock-runtime.us-east-1.vpce.amazonaws.com", Some("us-east-1"));
        check(
            "vpce-0123abcd-e45f-us-east-1a.bedrock-runtime.us-east-1.vpce.amazonaws.com",
            Some("us-east-1"),
        );
        check("bedrock.eu-central-1.amazonaws.com", None);
        check("s3.eu-central-1.amazonaws.com", None);
        check("bedrock-runtime.amazonaws.com", None);
        check("bedrock-runtime.nowhere.amazonaws.com", None);
        check("bedrock-runtime.-1.amazonaws.com", None);
        check("bedrock-runtime.eu-central-1.example.com", None);
        check("bedrock-runtime.eu-central-1.amazonaws.com.example.com", None);
        check("127.0.0.1", None);
        check("", None);
    }

    #[test]
    fn only_keys_of_an_account_need_a_region() {
        let check = |slug: &str, host: &str, secret: &str, expect: Result<(), NoRegion>| {
            let provider = crate::catalog::provider(slug).unwrap();
            assert_eq!(check_host(provider, host, secret.as_bytes()), expect, "{slug} {host}");
        };
        check("bedrock", "bedrock-runtime.eu-central-1.amazonaws.com", "AKIA:secret", Ok(()));
        check("bedrock", "bedrock.example.com", "AKIA:secret", Err(NoRegion));
        check("bedrock", "bedrock.example.com", "ABSKsecret", Ok(()));
        check("openai", "api.example.com", "sk-a:b", Ok(()));
    }
}
