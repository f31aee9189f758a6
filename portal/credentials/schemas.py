"""What goes in when a password is forgotten, chosen anew or changed."""

from portal.web.decode import Input
from portal.web.types import Email, GivenPassword, Password, Token


class ForgottenPassword(Input, frozen=True):
    email: Email


class NewPassword(Input, frozen=True):
    """The page's form; the token is in its address."""

    password: Password


class PasswordReset(NewPassword, frozen=True):
    token: Token


class PasswordChange(Input, frozen=True):
    current_password: GivenPassword
    new_password: Password
