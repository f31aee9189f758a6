"""The cast and the portal of the stock tests."""

from tests.inventory.conftest import app, cast, client

__all__ = ["app", "cast", "client"]
