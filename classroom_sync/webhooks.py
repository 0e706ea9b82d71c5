"""Webhooks: what others are told, signed by the Standard Webhooks specification, version 1.

Messages are written in the transaction of what they tell of, and sent afterwards by a task of its
own, so that no slow receiver holds anything up. An attempt that fails is repeated after 1, 2, 4 …
seconds, five minutes at most, for a day; what was delivered twice has the same `webhook-id`.
"""

import asyncio
import base64
import binascii
import contextlib
import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime, timedelta

import aiohttp
import structlog

from db import webhooks
from db.errors import Unreachable
from db.pool import Pool
from db.webhooks import Message

log = structlog.get_logger()

GIVEN_UP_AFTER = timedelta(days=1)
_TIMEOUT = aiohttp.ClientTimeout(total=10)
_AT_ONCE = 20
_LOOK = 1.0  # seconds
_GONE = 410  # the receiver wants no more of this (Standard Webhooks, "Delivery and retry")


def key_of(secret: str) -> bytes:
    """The key of a secret: `whsec_` and base64, or any text as it is."""
    if secret.startswith("whsec_"):
        with contextlib.suppress(binascii.Error):
            return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    return secret.encode()


def signature(key: bytes, message_id: str, timestamp: int, body: str) -> str:
    """`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`."""
    signed = f"{message_id}.{timestamp}.{body}".encode()
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


class Sender:
    """Sends what is due to one URL; `run` until cancelled. `now` gives UTC."""

    def __init__(self, pool: Pool, url: str, secret: str, now: Callable[[], datetime]) -> None:
        self._pool = pool
        self._url = url
        self._key = key_of(secret)
        self._now = now

    async def run(self) -> None:
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as http:
            while True:
                try:
                    sent = await self.send_due(http)
                except Unreachable as error:
                    log.warning("webhooks not sent", cause=str(error))
                    sent = 0
                except Exception as error:  # what waits is tried again
                    log.exception("webhooks not sent", cause=str(error))
                    sent = 0
                if sent < _AT_ONCE:
                    await asyncio.sleep(_LOOK)

    async def send_due(self, http: aiohttp.ClientSession) -> int:
        """One round: everything that is due, side by side; how many that were."""
        async with self._pool.transaction() as connection:
            found = await webhooks.claim(connection, self._now(), _AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for message in found:
                group.create_task(self._send(http, message))
        return len(found)

    async def _send(self, http: aiohttp.ClientSession, message: Message) -> None:
        status, problem = await self._post(http, message)
        now = self._now()
        give_up = status == _GONE or now - message.made_at > GIVEN_UP_AFTER
        async with self._pool.connection() as connection:
            if not problem:
                await webhooks.delivered(connection, message.id, now)
                return
            await webhooks.failed(connection, message.id, problem, give_up=give_up)
        log.warning(
            "webhook not delivered",
            message=str(message.id),
            attempt=message.attempts,
            given_up=give_up,
            cause=problem,
        )

    async def _post(self, http: aiohttp.ClientSession, message: Message) -> tuple[int, str]:
        """The status (0: none came) and what is wrong with it, "" if nothing is."""
        timestamp = int(self._now().timestamp())
        headers = {
            "Content-Type": "application/json",
            "webhook-id": str(message.id),
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(self._key, str(message.id), timestamp, message.body),
        }
        try:
            async with http.post(
                self._url, data=message.body.encode(), headers=headers, allow_redirects=False
            ) as answer:
                good = 200 <= answer.status < 300
                return answer.status, "" if good else f"HTTP {answer.status}"
        except aiohttp.ClientConnectorError as error:
            return 0, str(error.os_error.strerror or error.os_error)[:200]
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return 0, str(error)[:200] or type(error).__name__
        except TimeoutError:
            return 0, "no answer in time"
