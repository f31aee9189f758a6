from tests.slots.conftest import app, client

__all__ = ["app", "client"]
