"""Where a request comes from, where its visitor reaches this server, where it may be sent on."""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address
from urllib.parse import urlsplit

from aiohttp import web

from classroom_sync.keys import SETTINGS

_LONGEST = 500  # characters of an address to go on to


def address_of(request: web.Request) -> str:
    """Where a request comes from; behind a reverse proxy that is trusted, what that one saw."""
    near = request.remote or ""
    said = request.headers.getall("X-Forwarded-For", [""])[-1]  # a proxy may add a line of its own
    seen = said.rpartition(",")[2].strip()[:64]
    return seen if seen and _trusted(near, request.app[SETTINGS].trusted_proxies) else near


def counted_as(address: str) -> str:
    """What requests from an address are counted by: of IPv6 the network of 64 bits, as each machine
    has a whole one to choose addresses from."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if found.version == 4:
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(IPv6Network((found.packed[:8] + bytes(8), 64)))


def _trusted(address: str, networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return any(found in network for network in networks)


def origin(request: web.Request) -> str:
    """Where visitors reach this server; a proxy may speak HTTPS before it."""
    scheme = "https" if request.app[SETTINGS].secure_cookies else request.scheme
    return f"{scheme}://{request.host}"


def own_path(given: str) -> str | None:
    """A path of this server with its query, to go on to after signing in; None: it is none, or
    browsers might take it for another server's."""
    if len(given) > _LONGEST or not given.startswith("/") or given.startswith("//"):
        return None
    if "\\" in given or any(ord(c) <= 32 or ord(c) == 127 for c in given):
        return None
    try:
        parts = urlsplit(given)
    except ValueError:
        return None
    return None if parts.scheme or parts.netloc else given
