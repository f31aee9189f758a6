"""Piccolo's entry point: the engine and the one app whose migrations live in `migrations/`."""

from piccolo.conf.apps import AppRegistry

from portal.db import DB

__all__ = ["APP_REGISTRY", "DB"]

APP_REGISTRY = AppRegistry(apps=["portal.piccolo_app"])
