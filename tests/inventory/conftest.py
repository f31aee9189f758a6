from tests.clients import app, client

__all__ = ["app", "client"]
