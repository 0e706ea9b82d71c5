"""What is looked at on the network: ports, the site and its certificate, TURN, the way of media."""

import asyncio
import contextlib
import os
import re
import socket
import ssl
from datetime import UTC, datetime, timedelta
from urllib.parse import urljoin, urlsplit
from uuid import uuid4

import aiohttp

from classroom_sync import tokens
from classroom_sync.acceptance.media import media_room
from classroom_sync.doctor.findings import Finding, good, problem, skipped, warning
from classroom_sync.identity_provider import IdentityProvider, NotBelieved, ProviderAway
from classroom_sync.settings import Settings
from db.nodes import MediaNodeRow
from media import stun
from scheduler.words import Sentence

_PATIENCE = 5.0  # seconds
_TRIES = 4  # STUN requests, half a second apart
_SOON = timedelta(days=21)  # before a certificate's end
_OFFER = "\r\n".join(
    (
        "v=0",
        "o=- 1 1 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111",
        "c=IN IP4 0.0.0.0",
        "a=mid:0",
        "a=sendonly",
        "a=rtcp-mux",
        "a=setup:active",
        "a=ice-ufrag:look",
        "a=ice-pwd:looklooklooklooklooklook",
        "a=fingerprint:sha-256 " + ":".join(["AB"] * 32),
        "a=rtpmap:111 opus/48000/2",
        "a=ssrc:1 cname:look",
        "",
    )
)


async def tcp_port(settings: Settings, running: bool) -> Finding:
    """The port of pages and API: ours while a server runs, else free."""
    place = {"place": f"{settings.host}:{settings.port}"}
    if settings.port == 0:
        return good("tcp_port", Sentence("Any free TCP port is taken."))
    if running:
        try:
            async with asyncio.timeout(_PATIENCE):
                _, writer = await asyncio.open_connection(settings.host, settings.port)
            writer.close()
        except OSError:
            return problem(
                "tcp_port",
                Sentence("A server runs, but nothing answers at {place}.", place),
                Sentence("Look into its log, and check that --host and --port are the same here."),
            )
        return good("tcp_port", Sentence("The server answers at {place}.", place))
    if _free(socket.SOCK_STREAM, settings.host, settings.port):
        return good("tcp_port", Sentence("TCP {place} is free.", place))
    return problem(
        "tcp_port",
        Sentence("TCP {place} is taken by another program.", place),
        Sentence("Find it with ss -ltnp, stop it, or choose another --port."),
    )


def udp_ports(settings: Settings, running: bool) -> Finding:
    """Ports of the media nodes: free while no server runs."""
    if settings.udp_port == 0 or settings.nodes == 0:
        return good("udp_ports", Sentence("Media nodes take any free UDP ports."))
    wanted = range(settings.udp_port, settings.udp_port + settings.nodes)
    said = {"ports": f"{wanted[0]}–{wanted[-1]}" if len(wanted) > 1 else str(wanted[0])}
    if running:
        return good("udp_ports", Sentence("UDP {ports}: taken by the media nodes.", said))
    taken = [port for port in wanted if not _free(socket.SOCK_DGRAM, settings.host, port)]
    if not taken:
        return good("udp_ports", Sentence("UDP {ports}: free.", said))
    return problem(
        "udp_ports",
        Sentence("UDP {ports}: taken by another program.", {"ports": ", ".join(map(str, taken))}),
        Sentence("Find it with ss -lunp, stop it, or choose another --udp-port."),
    )


def _free(kind: int, host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, kind) as found:
        if kind == socket.SOCK_STREAM:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind((host, port))
        except OSError:
            return False
        return True


async def site(url: str | None) -> Finding:
    """The address that people use, as far as this machine reaches it."""
    if url is None:
        return skipped("site", Sentence("Name the school's address with --url to have it tried."))
    place = {"url": url}
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_PATIENCE)) as http,
            http.get(url.rstrip("/") + "/readyz", ssl=False) as response,
        ):
            status = response.status
    except (aiohttp.ClientError, OSError, ValueError) as error:
        why = str(error) or type(error).__name__
        return problem(
            "site",
            Sentence("{url} can't be reached: {why}", place | {"why": why}),
            Sentence("Check the name's DNS entry, the proxy in front of the server, the firewall."),
        )
    if status == 200:
        return good("site", Sentence("{url} answers and is ready.", place))
    return problem(
        "site",
        Sentence("{url} answers {status}.", place | {"status": status}),
        Sentence("503 tells that the database or a media node is away; 502 that the server is."),
    )


async def certificate(url: str | None, now: datetime, authority: str | None = None) -> Finding:
    """The site's TLS certificate: trusted, for that name, and for how long. `authority` is a file
    of certificates to trust instead of the machine's."""
    parts = urlsplit(url or "")
    if parts.scheme != "https" or parts.hostname is None:
        return skipped("certificate", Sentence("There is no https address to look at (--url)."))
    renew = Sentence("Renew it and reload the proxy; certbot and acme.sh do so by themselves.")
    context = ssl.create_default_context(cafile=authority)
    try:
        async with asyncio.timeout(_PATIENCE):
            _, writer = await asyncio.open_connection(
                parts.hostname, parts.port or 443, ssl=context
            )
    except ssl.SSLCertVerificationError as error:
        return problem(
            "certificate",
            Sentence("Browsers refuse the certificate: {why}.", {"why": error.verify_message}),
            renew,
        )
    except (OSError, TimeoutError) as error:
        why = str(error) or type(error).__name__
        said = Sentence("No certificate is to be had: {why}.", {"why": why})
        return problem("certificate", said, Sentence("See the finding on the site."))
    found = writer.get_extra_info("peercert")
    writer.close()
    until = datetime.fromtimestamp(ssl.cert_time_to_seconds(found["notAfter"]), UTC)
    said = Sentence(
        "The certificate is good for {days} more days.",
        {"days": (until - now) // timedelta(days=1)},
    )
    return warning("certificate", said, renew) if until - now < _SOON else good("certificate", said)


def cookies(settings: Settings, url: str | None) -> Finding:
    if settings.secure_cookies:
        return good("cookies", Sentence("Cookies are sent over HTTPS alone."))
    if settings.host in ("127.0.0.1", "::1", "localhost") and not (url or "").startswith("https"):
        return good("cookies", Sentence("The server is used on this machine alone."))
    return warning(
        "cookies",
        Sentence("Cookies may travel without HTTPS, and cameras stay off there."),
        Sentence("Put a proxy with TLS in front (deploy/nginx) and set secure_cookies = true."),
    )


async def education_account(settings: Settings) -> Finding:
    """The OpenID provider that people sign in with publishes what it is."""
    if settings.oidc_issuer is None:
        return skipped("education_account", Sentence("The city's education account is not used."))
    place = {"url": settings.oidc_issuer}
    try:
        client = settings.identity_client
        assert client is not None, "it is used"
        async with asyncio.timeout(_PATIENCE):
            await IdentityProvider(client).reach()
    except (ProviderAway, NotBelieved, OSError, TimeoutError) as error:
        why = str(error) or type(error).__name__
        return problem(
            "education_account",
            Sentence("{url} does not answer as it should: {why}", place | {"why": why}),
            Sentence(
                "Nobody signs in with the education account until it does; passwords of this "
                "server go on working. Check oidc_issuer, oidc_client_secret_file and the firewall."
            ),
        )
    return good("education_account", Sentence("{url} answers.", place))


async def turn(settings: Settings) -> Finding:
    """Each STUN and TURN server takes a connection, or answers a STUN request over UDP."""
    if not settings.ice_servers:
        return skipped(
            "turn",
            Sentence("There is no TURN server; schools that let no UDP out need one (coturn)."),
        )
    silent = [url for url in settings.ice_servers if not await _answers(url)]
    if not silent:
        return good(
            "turn",
            Sentence("STUN and TURN servers answer: {count}", {"count": len(settings.ice_servers)}),
        )
    return problem(
        "turn",
        Sentence("These do not answer: {urls}", {"urls": ", ".join(silent)}),
        Sentence("See that coturn runs there, and that the firewall lets its ports through."),
    )


async def _answers(url: str) -> bool:
    scheme, _, rest = url.partition(":")
    place, _, query = rest.partition("?")
    host, _, port = place.rpartition(":") if re.search(r":\d+$", place) else (place, "", "")
    host = host.strip("[]")
    number = int(port or (5349 if scheme.endswith("s") else 3478))
    if scheme.endswith("s") or query == "transport=tcp":
        try:
            async with asyncio.timeout(_PATIENCE):
                _, writer = await asyncio.open_connection(host, number)
        except OSError:
            return False
        writer.close()
        return True
    asked = b"\x00\x01\x00\x00\x21\x12\xa4\x42" + os.urandom(12)  # a bare binding request
    return await _asked((host, number), asked)


async def media_path(nodes: list[MediaNodeRow], key: bytes, now: datetime) -> Finding:
    """A connectivity check to each media node through the address that it offers to clients.

    It goes the way of media, from this machine: a media resource is made, checked and deleted.
    """
    if not nodes:
        return skipped("media_path", Sentence("No media node runs, so none can be reached."))
    deaf: list[str] = []
    for node in nodes:
        try:
            deaf += await _deaf(node, key, now)
        except (aiohttp.ClientError, OSError, ValueError):
            deaf.append(node.http_url)
    if not deaf:
        return good(
            "media_path",
            Sentence("Media nodes that answer through their address: {n}", {"n": len(nodes)}),
        )
    return problem(
        "media_path",
        Sentence("No answer over UDP from {places}.", {"places": ", ".join(deaf)}),
        Sentence(
            "Let the UDP ports through the firewall, forward them on the router, and check "
            "--public-address. Some routers let no machine reach itself by its public address: "
            "then try from a classroom."
        ),
    )


async def _deaf(node: MediaNodeRow, key: bytes, now: datetime) -> list[str]:
    """Where a node says that it is, and is not."""
    session, participant = uuid4(), uuid4()
    claims = tokens.MediaToken(session, participant, "publish", "lead", test=True)
    token = tokens.issue(key, claims, now, timedelta(minutes=1))
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/sdp"}
    url = f"{node.http_url}/whip/{media_room(session)}/{participant}"
    limit = aiohttp.ClientTimeout(total=_PATIENCE)
    async with aiohttp.ClientSession(timeout=limit, headers=headers) as http:
        async with http.post(url, data=_OFFER) as response:
            answer = await response.text()
            if response.status != 201:
                raise ValueError(f"the node answers {response.status}")
            resource = urljoin(str(response.url), response.headers["Location"])
        try:
            lines = dict(re.findall(r"a=(ice-ufrag|ice-pwd):(\S+)", answer))
            places = re.findall(r"a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ host", answer)
            found = []
            for host, port in places:
                asked = stun.request(
                    os.urandom(12), f"{lines['ice-ufrag']}:look", 1, lines["ice-pwd"]
                )
                if not await _asked((host, int(port)), asked):
                    found.append(f"{host}:{port}")
            return found
        finally:
            async with http.delete(resource):
                pass


async def _asked(place: tuple[str, int], request: bytes) -> bool:
    """Whether an answer to a STUN request comes, of the same transaction."""
    loop = asyncio.get_running_loop()
    try:
        [found, *_] = await loop.getaddrinfo(*place, type=socket.SOCK_DGRAM)
    except OSError:
        return False
    with socket.socket(found[0], socket.SOCK_DGRAM) as asking:
        asking.setblocking(False)
        try:
            asking.connect(found[4])
            for _ in range(_TRIES):
                await loop.sock_sendall(asking, request)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.5):
                        while (await loop.sock_recv(asking, 2048))[8:20] != request[8:20]:
                            pass  # of somebody else
                        return True
        except OSError:
            return False  # refused: nobody is there
    return False
