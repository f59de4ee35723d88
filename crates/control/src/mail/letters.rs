//! What letters say. Each names the installation's address, and a token stands alone on its line. Who gets one is not
//! decided here.

use domain::token::Token;
use zeroize::Zeroizing;

use super::Letter;

/// Proves that an address is read.
#[must_use]
pub fn verification(to: &str, url: &str, token: &Token) -> Letter {
    letter(
        to,
        "Confirm your e-mail address",
        &format!(
            "Somebody, probably you, gave this address to the Portcullis at {url}.\n\n\
             Confirm that it is yours with this token (POST {url}/api/v1/email/verify); a new account also\n\
             asks for its password:\n\n{}\n\n\
             It works once, for 24 hours. If it was not you, do nothing.\n",
            token.reveal()
        ),
    )
}

/// Sets a new password.
#[must_use]
pub fn reset(to: &str, url: &str, token: &Token) -> Letter {
    letter(
        to,
        "Set a new password",
        &format!(
            "Somebody, probably you, asked for a new password at the Portcullis at {url}.\n\n\
             Set it with this token (POST {url}/api/v1/password/reset):\n\n{}\n\n\
             It works once, for 24 hours, and ends every login. If it was not you, do nothing: your password\n\
             stays as it is.\n",
            token.reveal()
        ),
    )
}

/// Invites somebody to an organization.
#[must_use]
pub fn invitation(to: &str, url: &str, org: &str, token: &Token) -> Letter {
    letter(
        to,
        "You are invited",
        &format!(
            "You are invited to {org} at the Portcullis at {url}.\n\n\
             Accept with this token (POST {url}/api/v1/invitations/accept, or logged in\n\
             POST {url}/api/v1/me/invitations/accept):\n\n{}\n\n\
             It works once, for 24 hours.\n",
            token.reveal()
        ),
    )
}

/// Tells somebody who has an account that it was asked for again.
#[must_use]
pub fn known(to: &str, url: &str) -> Letter {
    letter(
        to,
        "You have an account already",
        &format!(
            "Somebody, perhaps you, gave this address to the Portcullis at {url}, where it has an account.\n\n\
             If it was you, log in, or ask for a new password. If it was not, do nothing: nothing was changed.\n"
        ),
    )
}

/// Tells the address that somebody has so far of the one they want.
#[must_use]
pub fn email_changes(to: &str, new: &str) -> Letter {
    letter(
        to,
        "Your e-mail address is to change",
        &format!(
            "Somebody who is logged in as you asked to change the address of your account to {new}.\n\n\
             If it was not you, set a new password now: that ends every login. Then tell whoever runs the\n\
             installation.\n"
        ),
    )
}

/// Tells somebody that their password was changed.
#[must_use]
pub fn password_changed(to: &str) -> Letter {
    letter(
        to,
        "Your password was changed",
        "The password of your account was changed, and every login ended.\n\n\
         If it was not you, ask for a new password now, and tell whoever runs the installation.\n",
    )
}

/// Tells somebody that a recovery code was used.
#[must_use]
pub fn recovery_code_used(to: &str, left: u64) -> Letter {
    letter(
        to,
        "A recovery code was used",
        &format!(
            "Somebody logged in to your account with your password and one of your recovery codes, in the place\n\
             of the second factor. {left} of the codes are left.\n\n\
             If it was not you, set a new password now: that ends every login. Then make new recovery codes.\n"
        ),
    )
}

fn letter(to: &str, subject: &'static str, text: &str) -> Letter {
    Letter { to: to.to_owned(), subject, text: Zeroizing::new(text.to_owned()) }
}
