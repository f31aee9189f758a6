"""Who may read the figures."""

from secrets import compare_digest


def may_read_figures(authorization: str, token: str) -> bool:
    """Whoever sends the token of `PORTAL_METRICS_TOKEN`; without that setting, nobody."""
    return bool(token) and compare_digest(authorization.encode(), f"Bearer {token}".encode())
