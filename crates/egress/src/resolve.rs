//! Names to addresses. Every answer is judged, and one bad answer refuses them all: a name that points both
//! outside and inside is an attack or a mistake. It opens no connection.

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;

use crate::failed::Failed;
use crate::policy::{Checked, Policy, Rejected};
use crate::target::{Host, Origin, Target};

/// How many addresses of one name are tried; all of them are judged.
pub(crate) const MAX_ADDRESSES_TRIED: usize = 8;

/// The answers of a resolver, still to come.
pub type Answers<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;

/// Turns a name into addresses. The operating system does it in the product; a test answers what it likes.
pub trait Resolve: Send + Sync + 'static {
    /// The addresses of `name`, in the order in which they should be tried. A name with a final dot is complete
    /// and must not be extended from a search list.
    fn resolve<'a>(&'a self, name: &'a str) -> Answers<'a>;
}

/// The operating system's resolver, on the runtime's blocking threads.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, name: &'a str) -> Answers<'a> {
        // The port plays no part in the look-up; the connector joins the checked one to each address.
        Box::pin(
            async move { Ok(tokio::net::lookup_host((name, 0)).await?.map(|socket| socket.ip()).collect()) },
        )
    }
}

/// Where `target` leads at this moment: the addresses that would be dialled, in that order, never empty. It connects
/// nowhere.
///
/// # Errors
/// [`Failed::Refused`] when one of the answers is not permitted, [`Failed::Resolve`] when there is none.
pub async fn look_up(
    policy: &Policy,
    resolver: &dyn Resolve,
    target: &Target,
) -> Result<Vec<IpAddr>, Failed> {
    let admitted = checked(policy, resolver, target.origin()).await?;
    Ok(admitted.into_iter().map(|checked| checked.socket().ip()).collect())
}

/// The addresses to dial for `origin`: never empty, every one admitted by `policy`.
pub(crate) async fn checked(
    policy: &Policy,
    resolver: &dyn Resolve,
    origin: &Origin,
) -> Result<Vec<Checked>, Failed> {
    let answers = match &origin.host {
        Host::Address(address) => vec![*address],
        // A name that the operator listed may live in the hosts file or a search domain; any other is complete.
        Host::Name(name) if policy.lists_name(origin) => {
            resolver.resolve(name).await.map_err(Failed::resolve)?
        }
        Host::Name(name) => resolver.resolve(&format!("{name}.")).await.map_err(Failed::resolve)?,
    };
    if answers.is_empty() {
        return Err(Failed::resolve(io::Error::new(io::ErrorKind::NotFound, "the name has no addresses")));
    }
    let mut admitted = Vec::with_capacity(answers.len().min(MAX_ADDRESSES_TRIED));
    for address in answers {
        let checked = policy.admit(origin, address).ok_or(Rejected::Address)?;
        if admitted.len() < MAX_ADDRESSES_TRIED && !admitted.contains(&checked) {
            admitted.push(checked);
        }
    }
    Ok(admitted)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use ipnet::IpNet;
    use proptest::prelude::*;

    use super::*;

    /// Gives every name the same answers.
    pub(crate) struct Always(pub(crate) Vec<IpAddr>);

    impl Resolve for Always {
        fn resolve<'a>(&'a self, _: &'a str) -> Answers<'a> {
            Box::pin(async { Ok(self.0.clone()) })
        }
    }

    /// Answers only the name that it was told to expect.
    struct Only(&'static str);

    impl Resolve for Only {
        fn resolve<'a>(&'a self, name: &'a str) -> Answers<'a> {
            assert_eq!(name, self.0);
            Box::pin(async { Ok(vec![IpAddr::V4(Ipv4Addr::new(8, 8, 8, 8))]) })
        }
    }

    pub(crate) fn run<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(work)
    }

    fn policy(allow: &[&str]) -> Policy {
        Policy::new(allow.iter().map(|text| text.parse().expect("a valid entry")).collect())
    }

    fn check(allow: &[&str], url: &str, answers: &[&str], expect: Result<usize, Rejected>) {
        let policy = policy(allow);
        let target = policy.check(url).expect("a permitted URL");
        let answers = answers.iter().map(|text| text.parse().expect("an address")).collect();
        let judged = run(checked(&policy, &Always(answers), target.origin()));
        let judged = judged.map(|addresses| addresses.len()).map_err(|failed| match failed {
            Failed::Refused(rejected) => rejected,
            other => panic!("{other}"),
        });
        assert_eq!(judged, expect, "{url}");
    }

    #[test]
    fn one_bad_answer_refuses_all() {
        let url = "https://api.example.com/";
        check(&[], url, &["8.8.8.8", "2606:4700::1"], Ok(2));
        check(&[], url, &["8.8.8.8", "8.8.8.8"], Ok(1));
        check(&[], url, &["8.8.8.8", "::1"], Err(Rejected::Address));
        check(&[], url, &["8.8.8.8", "10.0.0.1"], Err(Rejected::Address));
        check(&[], url, &["::ffff:127.0.0.3"], Err(Rejected::Address));
        check(&[], url, &["169.254.169.254"], Err(Rejected::Address));
    }

    #[test]
    fn a_listed_name_opens_private_addresses_for_itself_but_not_metadata() {
        let allow = ["llm.internal:8000"];
        check(&allow, "http://llm.internal:8000/", &["10.0.0.1", "::1"], Ok(2));
        check(&allow, "http://llm.internal:8000/", &["10.0.0.1", "169.254.169.254"], Err(Rejected::Address));
        check(&allow, "http://llm.internal:8000/", &["0.0.0.0"], Err(Rejected::Address));
        check(&allow, "https://other.example/", &["10.0.0.1"], Err(Rejected::Address));
    }

    #[test]
    fn many_answers_are_all_judged_and_few_are_tried() {
        let many: Vec<String> =
            (0..500).map(|index| format!("8.8.{}.{}", index / 250, index % 250)).collect();
        let mut many: Vec<&str> = many.iter().map(String::as_str).collect();
        check(&[], "https://api.example.com/", &many, Ok(MAX_ADDRESSES_TRIED));
        many.push("192.168.0.1");
        check(&[], "https://api.example.com/", &many, Err(Rejected::Address));
    }

    #[test]
    fn no_answer_is_a_failed_look_up() {
        let policy = policy(&[]);
        let target = policy.check("https://api.example.com/").expect("a permitted URL");
        let judged = run(checked(&policy, &Always(Vec::new()), target.origin()));
        assert!(matches!(judged, Err(Failed::Resolve(_))));
    }

    #[test]
    fn only_a_listed_name_may_use_the_search_list() {
        for (allow, url, asked) in [
            (&[][..], "https://api.example.com/", "api.example.com."),
            (&["model-server"][..], "https://model-server/", "model-server"),
        ] {
            let policy = policy(allow);
            let target = policy.check(url).expect("a permitted URL");
            assert!(run(checked(&policy, &Only(asked), target.origin())).is_ok());
        }
    }

    fn addresses() -> impl Strategy<Value = IpAddr> {
        prop_oneof![
            any::<u32>().prop_map(|bits| IpAddr::V4(Ipv4Addr::from(bits))),
            (0u32..1 << 24).prop_map(|bits| IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + bits))),
            any::<u16>().prop_map(|bits| IpAddr::V4(Ipv4Addr::from(0xa9fe_0000 + u32::from(bits)))),
            any::<u128>().prop_map(|bits| IpAddr::V6(Ipv6Addr::from(bits))),
            any::<u128>().prop_map(|bits| IpAddr::V6(Ipv6Addr::from(bits >> 3 | 1 << 125))),
            any::<u32>().prop_map(|bits| IpAddr::V6(Ipv4Addr::from(bits).to_ipv6_mapped())),
        ]
    }

    /// An oracle that shares no table with the product: what the standard library calls global enough.
    fn looks_public(address: IpAddr) -> bool {
        match address {
            IpAddr::V4(v4) => {
                let shared = v4.octets()[0] == 100 && v4.octets()[1] & 0xc0 == 64;
                !(v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast() || shared)
                    && !(v4.is_broadcast()
                        || v4.is_documentation()
                        || v4.octets()[0] == 0
                        || v4.octets()[0] >= 240)
            }
            IpAddr::V6(v6) => v6.segments()[0] >> 13 == 1 && v6.segments()[0] != 0x2002,
        }
    }

    proptest! {
        #[test]
        fn no_address_outside_the_table_is_ever_handed_to_the_dialler(
            answers in proptest::collection::vec(addresses(), 1..5),
            network in (addresses(), 0u8..=32),
        ) {
            let network = IpNet::new(network.0, network.1).expect("a network").trunc();
            let policy = Policy::new(network.to_string().parse().into_iter().collect());
            let target = policy.check("https://api.example.com/").expect("a permitted URL");
            let judged = run(checked(&policy, &Always(answers.clone()), target.origin()));
            for address in judged.into_iter().flatten() {
                let address = address.socket();
                prop_assert_eq!(address.port(), 443);
                prop_assert!(answers.contains(&address.ip()));
                prop_assert!(looks_public(address.ip()) || network.contains(&address.ip()));
                let link_local = matches!(address.ip().to_canonical(), IpAddr::V4(v4) if v4.is_link_local());
                prop_assert!(!link_local || network == IpNet::from(address.ip()));
            }
        }
    }
}
