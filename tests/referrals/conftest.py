"""The cast and the portal of the appointment tests."""

from tests.appointments.conftest import app, cast, client

__all__ = ["app", "cast", "client"]
