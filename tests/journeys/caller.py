"""Somebody with an access token, who asks by documented calls alone."""

from typing import Any

import httpx


class Caller:
    def __init__(self, client: httpx.AsyncClient, headers: dict[str, str]) -> None:
        self.client = client
        self.headers = headers

    async def __call__(self, method: str, path: str, body: Any = None, *, expect: int = 200, **query: Any) -> Any:
        extra = {"json": body} if body is not None else {}
        answer = await self.client.request(method, f"/api{path}", headers=self.headers, params=query, **extra)
        assert answer.status_code == expect, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None
