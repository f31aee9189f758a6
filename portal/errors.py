"""What can go wrong, as values that both faces understand.

Actions and queries raise these and nothing else; `web/problems.py` turns them into a page, a fragment or
`application/problem+json`. A `detail` is a sentence for a person, already translated.
"""

from typing import Any

import msgspec

from portal.web.i18n import _


class FieldError(msgspec.Struct, frozen=True):
    """One message tied to one field of a form or body; nested fields are dotted (`address.city`)."""

    field: str
    message: str


class DomainError(Exception):
    """Base of all expected failures. `extra` is added to the JSON problem as it is."""

    status = 500
    code = "error"

    def __init__(self, detail: str = "", *, code: str | None = None, **extra: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or type(self).code
        self.extra = extra


class Malformed(DomainError):
    """The request itself cannot be read (400)."""

    status, code = 400, "malformed"


class Unauthorized(DomainError):
    """Nobody is signed in, or the token is no good (401)."""

    status, code = 401, "unauthorized"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or _("Sign in to go on."))


class Forbidden(DomainError):
    """This role may never do it (403)."""

    status, code = 403, "forbidden"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or _("You cannot do this with your account."))


class NotFound(DomainError):
    """Unknown, or not yours: the two are told apart by nothing (404)."""

    status, code = 404, "not_found"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or _("We could not find this."))


class Conflict(DomainError):
    """The present state does not allow it (409); `code` tells which conflict it is."""

    status, code = 409, "conflict"

    def __init__(self, code: str, detail: str, **extra: Any) -> None:
        super().__init__(detail, code=code, **extra)


class TooLarge(DomainError):
    status, code = 413, "too_large"


class UnsupportedType(DomainError):
    status, code = 415, "unsupported_media_type"


class Invalid(DomainError):
    """Well-formed, but not allowed; every field's message at once (422)."""

    status, code = 422, "invalid"

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__(_("Some of what you entered needs another look."))
        self.errors = errors


class TooMany(DomainError):
    """A limit was reached (429); `retry_after` in whole seconds."""

    status, code = 429, "too_many_requests"

    def __init__(self, retry_after: int, detail: str = "") -> None:
        super().__init__(detail or _("That was too often. Wait a little and try again."))
        self.retry_after = max(1, retry_after)


class Unavailable(DomainError):
    """Something we stand on is away for the moment (503)."""

    status, code = 503, "unavailable"

    def __init__(self, retry_after: int = 2, detail: str = "") -> None:
        super().__init__(detail or _("The service is busy for a moment. Please try again."))
        self.retry_after = max(1, retry_after)
