"""What the domain stores. The constraints stand, named, in `migrations/`; a test compares both."""

from piccolo.columns import UUID, Bytea, Text, Timestamptz
from piccolo.table import Table


class Account(Table, tablename="account"):
    id = UUID(primary_key=True, default=None)
    email = Text(default=None)
    password_hash = Text(null=True, default=None)
    role = Text(default=None)
    status = Text(default=None)
    first_name = Text(default=None)
    last_name = Text(default=None)
    phone_number = Text(null=True, default=None)
    time_zone = Text(default=None)
    locale = Text(default=None)
    appearance = Text(default=None)
    status_reason = Text(null=True, default=None)
    created_at = Timestamptz(default=None)


class Login(Table, tablename="login"):
    id = UUID(primary_key=True, default=None)
    account_id = UUID(default=None)
    kind = Text(default=None)
    secret_hash = Bytea(null=True, default=None)
    user_agent = Text(default=None)
    created_at = Timestamptz(default=None)
    last_seen_at = Timestamptz(default=None)
    expires_at = Timestamptz(default=None)
    revoked_at = Timestamptz(null=True, default=None)
    revoked_reason = Text(null=True, default=None)


class RefreshToken(Table, tablename="refresh_token"):
    token_hash = Bytea(primary_key=True, default=None)
    login_id = UUID(default=None)
    created_at = Timestamptz(default=None)
    expires_at = Timestamptz(default=None)
    used_at = Timestamptz(null=True, default=None)


class PasswordReset(Table, tablename="password_reset"):
    token_hash = Bytea(primary_key=True, default=None)
    account_id = UUID(default=None)
    created_at = Timestamptz(default=None)
    expires_at = Timestamptz(default=None)
    used_at = Timestamptz(null=True, default=None)


class IdempotencyKey(Table, tablename="idempotency_key"):
    scope = UUID(default=None)
    key = Text(default=None)
    request_hash = Bytea(default=None)
    claim = UUID(default=None)
    claimed_at = Timestamptz(default=None)
    done_at = Timestamptz(null=True, default=None)
    answer = Bytea(null=True, default=None)
    created_at = Timestamptz(default=None)
