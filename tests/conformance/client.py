"""The HTTP side of a WHIP or WHEP client, as plain as can be."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

import aiohttp
from multidict import CIMultiDict, CIMultiDictProxy

SDP = "application/sdp"
FRAGMENT = "application/trickle-ice-sdpfrag"


@dataclass(frozen=True)
class Door:
    """An endpoint and a token for it."""

    url: str
    token: str


@dataclass(frozen=True)
class Server:
    """The server under test. `other` is a publisher that `whip` is not; `spare` one that no other
    test needs; both may be unknown, as may be the ICE servers that it is to name."""

    whip: Door
    whep: Door
    other: Door | None = None
    spare: Door | None = None
    ice_servers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reply:
    status: int
    headers: CIMultiDictProxy[str]
    text: str
    url: str

    @property
    def content_type(self) -> str:
        return self.headers.get("Content-Type", "").partition(";")[0]

    @property
    def resource(self) -> str:
        """The URL of what was created."""
        return urljoin(self.url, self.headers["Location"])

    @property
    def etag(self) -> str:
        return self.headers["ETag"]


@dataclass
class Client:
    server: Server
    http: aiohttp.ClientSession
    made: list[tuple[str, str]] = field(default_factory=list)  # resource, token

    async def send(
        self,
        method: str,
        url: str,
        token: str | None,
        body: str | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        patient: bool = True,
    ) -> Reply:
        """One request; repeated after the time asked for where the server is asked too often."""
        sent = CIMultiDict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        while True:
            async with self.http.request(
                method,
                url,
                data=body,
                headers=sent,
                allow_redirects=False,
                skip_auto_headers=("Content-Type",),
                timeout=aiohttp.ClientTimeout(total=40),
            ) as response:
                reply = Reply(response.status, response.headers, await response.text(), url)
            if reply.status != 429 or not patient:
                return reply
            await asyncio.sleep(float(reply.headers["Retry-After"]))

    async def post(
        self, door: Door, offer: str | bytes, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """POST an offer, to where the server sends it (RFC 9725, 4.5: 307, never 301 or 302)."""
        url = door.url
        for _ in range(5):
            sent = {"Content-Type": SDP} | dict(headers or {})
            reply = await self.send("POST", url, door.token, offer, sent)
            assert reply.status not in (301, 302), "a POST would become a GET"
            if reply.status != 307:
                break
            url = reply.resource
        if reply.status == 201:
            self.made.append((reply.resource, door.token))
        return reply

    async def patch(
        self,
        reply: Reply,
        door: Door,
        body: str | bytes,
        if_match: str | None,
        content_type: str = FRAGMENT,
    ) -> Reply:
        headers = {"Content-Type": content_type}
        if if_match is not None:
            headers["If-Match"] = if_match
        return await self.send("PATCH", reply.resource, door.token, body, headers)

    async def delete(self, reply: Reply, door: Door, **headers: str) -> Reply:
        return await self.send("DELETE", reply.resource, door.token, headers=headers)

    async def clean_up(self) -> None:
        for url, token in self.made:
            await self.send("DELETE", url, token)


def attributes(text: str) -> list[tuple[str, str]]:
    """The `a=` lines of a session description or fragment, as (name, value)."""
    lines = [line[2:].partition(":") for line in text.splitlines() if line.startswith("a=")]
    return [(name, value.strip()) for name, _, value in lines]


def values(text: str, name: str) -> list[str]:
    return [value for key, value in attributes(text) if key == name]


def media(text: str) -> list[str]:
    """The media descriptions, each from its m-line on."""
    return ["m=" + part for part in ("\n" + text).split("\nm=")[1:]]


def is_problem(reply: Reply) -> Any:
    """The problem details (RFC 9457) of a refusal, where it gives them at all."""
    import json

    assert reply.content_type == "application/problem+json"
    found = json.loads(reply.text)
    assert found["status"] == reply.status
    return found
