//! Passwords: kept as argon2id (RFC 9106) or bcrypt, compared in constant time, and judged before they are taken. Hashes
//! of the other kind and of another cost are read, and said to be stale. It does not know whose a password is, and it
//! blocks: whoever calls bounds how many are hashed at once.

mod fitness;
mod prehashed;

use argon2::{Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version};
use domain::secret::Secret;

pub use fitness::{LEAST_CHARACTERS, MOST_BYTES, Unfit, judge};

use crate::entropy;

/// Bytes of a salt (RFC 9106, section 3.1).
const SALT_BYTES: usize = 16;
/// What a stored hash may ask for at most: a row that asks for more is no reason to stop the process.
const MOST_MEMORY_KIB: u32 = 1 << 20;
const MOST_PASSES: u32 = 64;
const MOST_LANES: u32 = 16;
/// Two to this power are the rounds of the dearest bcrypt hash that is tried: some seconds.
const MOST_BCRYPT_TRIED: u32 = 16;
/// The same of the cheapest and the dearest that is made: beyond, a login takes longer than anybody waits.
const BCRYPT_COSTS: std::ops::RangeInclusive<u32> = 4..=14;

/// How passwords are hashed from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// By argon2id.
    Argon2id(Cost),
    /// By bcrypt, over an HMAC of the password, so that every byte of a long one counts.
    Bcrypt {
        /// Two to this power are its rounds: 4 to 14.
        cost: u32,
    },
}

/// What a hash by argon2id costs: whoever guesses pays it for every guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over that memory.
    pub passes: u32,
}

/// The least that is fit for real accounts: 19 MiB and two passes (OWASP Password Storage Cheat Sheet).
pub const LEAST_COST: Cost = Cost { memory_kib: 19 * 1024, passes: 2 };

/// The least cost of bcrypt that is fit for real accounts (the same source).
pub const LEAST_BCRYPT_COST: u32 = 10;

/// A cost that the scheme does not know.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("argon2 takes 8 KiB to 1 GiB of memory and 1 to 64 passes, bcrypt a cost of 4 to 14")]
pub struct BadCost;

/// The password was not hashed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum HashFailed {
    /// The generator gave no salt.
    #[error(transparent)]
    NoEntropy(#[from] entropy::NoEntropy),
    /// There was no memory for it, or whoever hashed died.
    #[error("the password could not be hashed: {0}")]
    Broken(String),
}

/// What a password is to a stored hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The one that was hashed.
    Right,
    /// The one that was hashed, but weaker than one would be now: hash it anew.
    RightAndStale,
    /// Another one, or nothing that a hash could be read from.
    Wrong,
}

/// Hashes by one scheme, and verifies whatever any of them made.
pub struct Passwords {
    scheme: Scheme,
    /// With the costs of the scheme, if it is of this kind.
    argon2: Argon2<'static>,
}

impl Passwords {
    /// With this scheme for what is hashed from now on.
    ///
    /// # Errors
    /// [`BadCost`] outside the bounds of the scheme and of reason.
    pub fn new(scheme: Scheme) -> Result<Self, BadCost> {
        let cost = match scheme {
            Scheme::Argon2id(cost) => cost,
            Scheme::Bcrypt { cost } if BCRYPT_COSTS.contains(&cost) => LEAST_COST,
            Scheme::Bcrypt { .. } => return Err(BadCost),
        };
        if cost.memory_kib > MOST_MEMORY_KIB || cost.passes > MOST_PASSES {
            return Err(BadCost);
        }
        let params = Params::new(cost.memory_kib, cost.passes, 1, None).map_err(|_| BadCost)?;
        Ok(Self { scheme, argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params) })
    }

    /// The text to store, under a salt of its own: in the PHC form (`$argon2id$v=19$…`), or as `$bcrypt-sha256$v=2,…`.
    ///
    /// # Errors
    /// [`HashFailed`] without entropy or memory.
    pub fn hash(&self, password: &Secret) -> Result<String, HashFailed> {
        let mut salt = [0; SALT_BYTES];
        entropy::fill(&mut salt)?;
        match self.scheme {
            Scheme::Argon2id(_) => {
                let hashed = self.argon2.hash_password_with_salt(password.open(), &salt);
                hashed.map(|hash| hash.to_string()).map_err(|error| HashFailed::Broken(error.to_string()))
            }
            Scheme::Bcrypt { cost } => {
                prehashed::hash(password, cost, salt).map_err(|error| HashFailed::Broken(error.to_string()))
            }
        }
    }

    /// Compares with a stored hash: any argon2 in the PHC form, or bcrypt in either form. What cannot be read costs as
    /// much as what can.
    #[must_use]
    pub fn verify(&self, password: &Secret, stored: &str) -> Verdict {
        if let Some(stored) = prehashed::Stored::parse(stored) {
            return self.verify_prehashed(password, &stored);
        }
        if is_bcrypt(stored) {
            return self.verify_bcrypt(password, stored);
        }
        let Some((hash, params)) = read(stored) else {
            self.waste(password);
            return Verdict::Wrong;
        };
        match self.argon2.verify_password(password.open(), &hash) {
            Ok(()) if self.is_current(&hash, &params) => Verdict::Right,
            Ok(()) => Verdict::RightAndStale,
            Err(_) => Verdict::Wrong,
        }
    }

    /// The same work for an account that does not exist, so that the time does not tell.
    pub fn waste(&self, password: &Secret) {
        // Neither the bytes nor a want of memory matter; only that the work is not optimized away.
        match self.scheme {
            Scheme::Argon2id(_) => {
                let mut out = [0; Params::DEFAULT_OUTPUT_LEN];
                let wasted = self.argon2.hash_password_into(password.open(), &[0; SALT_BYTES], &mut out);
                std::hint::black_box((wasted.is_ok(), out));
            }
            Scheme::Bcrypt { cost } => {
                std::hint::black_box(prehashed::hash(password, cost, [0; SALT_BYTES]).is_ok());
            }
        }
    }

    fn is_current(&self, hash: &PasswordHash, params: &Params) -> bool {
        let Scheme::Argon2id(now) = self.scheme else { return false };
        hash.algorithm == Algorithm::Argon2id.ident()
            && hash.version == Some(Version::V0x13.into())
            && params.m_cost() == now.memory_kib
            && params.t_cost() == now.passes
            && params.p_cost() == 1
    }

    fn verify_prehashed(&self, password: &Secret, stored: &prehashed::Stored<'_>) -> Verdict {
        if stored.cost > MOST_BCRYPT_TRIED {
            self.waste(password);
            return Verdict::Wrong;
        }
        match stored.verify(password) {
            true if self.scheme == (Scheme::Bcrypt { cost: stored.cost }) => Verdict::Right,
            true => Verdict::RightAndStale,
            false => Verdict::Wrong,
        }
    }

    /// A hash by bare bcrypt is stale under every scheme: it knows 72 bytes of the password and no more.
    fn verify_bcrypt(&self, password: &Secret, stored: &str) -> Verdict {
        let cost = stored.parse::<bcrypt::HashParts>().map(|parts| parts.get_cost());
        if !cost.is_ok_and(|cost| cost <= MOST_BCRYPT_TRIED) {
            self.waste(password);
            return Verdict::Wrong;
        }
        match bcrypt::verify(password.open(), stored) {
            Ok(true) => Verdict::RightAndStale,
            Ok(false) | Err(_) => Verdict::Wrong,
        }
    }
}

fn is_bcrypt(stored: &str) -> bool {
    ["$2a$", "$2b$", "$2x$", "$2y$"].iter().any(|version| stored.starts_with(version))
}

fn read(stored: &str) -> Option<(PasswordHash, Params)> {
    let hash = PasswordHash::new(stored).ok()?;
    let params = Params::try_from(&hash).ok()?;
    let bounded = params.m_cost() <= MOST_MEMORY_KIB
        && params.t_cost() <= MOST_PASSES
        && params.p_cost() <= MOST_LANES
        && Algorithm::try_from(hash.algorithm.as_str()).is_ok();
    bounded.then_some((hash, params))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: Cost = Cost { memory_kib: 64, passes: 1 };

    fn passwords(cost: Cost) -> Passwords {
        Passwords::new(Scheme::Argon2id(cost)).unwrap()
    }

    fn by_bcrypt(cost: u32) -> Passwords {
        Passwords::new(Scheme::Bcrypt { cost }).unwrap()
    }

    fn check(stored: &str, password: &str, expect: Verdict) {
        let typed = Secret::new(password.as_bytes().to_vec());
        assert_eq!(passwords(CHEAP).verify(&typed, stored), expect, "{password} against {stored}");
    }

    #[test]
    fn a_hash_verifies_its_password_and_no_other() {
        let typed = Secret::new("Grüße aus  Köln".as_bytes().to_vec());
        let (one, two) = (passwords(CHEAP).hash(&typed).unwrap(), passwords(CHEAP).hash(&typed).unwrap());
        assert!(one.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{one}");
        assert_ne!(one, two, "each has a salt of its own");
        check(&one, "Grüße aus  Köln", Verdict::Right);
        check(&one, "Grüße aus Köln", Verdict::Wrong);
        check(&one, "grüße aus  köln", Verdict::Wrong);
        check(&one, "", Verdict::Wrong);
    }

    #[test]
    fn another_cost_is_right_and_stale() {
        let typed = Secret::new(b"a fit password".to_vec());
        for cost in [Cost { memory_kib: 65, ..CHEAP }, Cost { passes: 2, ..CHEAP }] {
            let stored = passwords(cost).hash(&typed).unwrap();
            check(&stored, "a fit password", Verdict::RightAndStale);
            check(&stored, "a fit passworD", Verdict::Wrong);
        }
    }

    #[test]
    fn either_kind_is_read_by_the_other_and_is_stale_there() {
        let typed = Secret::new("Grüße aus  Köln".as_bytes().to_vec());
        let wrong = Secret::new("Grüße aus Köln".as_bytes().to_vec());
        let (ours, theirs) = (by_bcrypt(4).hash(&typed).unwrap(), passwords(CHEAP).hash(&typed).unwrap());
        assert!(ours.starts_with("$bcrypt-sha256$v=2,t=2b,r=4$"), "{ours}");
        assert_ne!(ours, by_bcrypt(4).hash(&typed).unwrap(), "each has a salt of its own");
        let check = |by: Passwords, stored: &str, expect: Verdict| {
            assert_eq!(by.verify(&typed, stored), expect, "{stored}");
            assert_eq!(by.verify(&wrong, stored), Verdict::Wrong, "{stored}");
        };
        check(by_bcrypt(4), &ours, Verdict::Right);
        check(by_bcrypt(5), &ours, Verdict::RightAndStale);
        check(passwords(CHEAP), &ours, Verdict::RightAndStale);
        check(by_bcrypt(4), &theirs, Verdict::RightAndStale);
        let bare = "$2a$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s.";
        assert_eq!(by_bcrypt(6).verify(&Secret::new(vec![]), bare), Verdict::RightAndStale);
        by_bcrypt(4).waste(&typed);
    }

    #[test]
    fn hashes_of_others_are_read() {
        // The reference implementation's test.c: argon2i, version 1.3, "password" and "somesalt".
        let argon2i = "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8";
        check(argon2i, "password", Verdict::RightAndStale);
        check(argon2i, "passwore", Verdict::Wrong);
        // As Python's bcrypt, which is OpenBSD's code, hashes them.
        let bcrypt = "$2a$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s.";
        check(bcrypt, "", Verdict::RightAndStale);
        let bcrypt = "$2a$06$If6bvum7DFjUnE9p2uDeDugSm/r4ClComu5mWRI4RIK8QxNtrr8pm";
        check(bcrypt, "abcdefghijklmnopqrstuvwxyz", Verdict::RightAndStale);
        check(bcrypt, "abcdefghijklmnopqrstuvwxyZ", Verdict::Wrong);
    }

    #[test]
    fn what_is_no_hash_is_wrong() {
        for stored in [
            "",
            "password",
            "$argon2id$",
            "$argon2id$v=19$m=4294967295,t=4294967295,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8",
            "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E",
            "$2b$31$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i",
            "$2b$",
            "$bcrypt-sha256$v=2,t=2b,r=31$n79VH.0Q2TMWmt3Oqt9uku$Kq4Noyk3094Y2QlB8NdRT8SvGiI4ft2",
            "$bcrypt-sha256$v=2,t=2b,r=12$",
        ] {
            check(stored, "password", Verdict::Wrong);
        }
    }

    #[test]
    fn costs_have_bounds() {
        for cost in [
            Cost { memory_kib: 7, passes: 1 },
            Cost { memory_kib: 64, passes: 0 },
            Cost { memory_kib: (1 << 20) + 1, passes: 1 },
            Cost { memory_kib: 64, passes: 65 },
        ] {
            assert_eq!(Passwords::new(Scheme::Argon2id(cost)).err(), Some(BadCost), "{cost:?}");
        }
        for cost in [0, 3, 15, 31] {
            assert_eq!(Passwords::new(Scheme::Bcrypt { cost }).err(), Some(BadCost), "{cost}");
        }
        assert!(Passwords::new(Scheme::Argon2id(LEAST_COST)).is_ok());
        assert!(Passwords::new(Scheme::Bcrypt { cost: LEAST_BCRYPT_COST }).is_ok());
    }
}
