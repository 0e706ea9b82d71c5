"""The compiled fast path: the states of media/plane.py as C structures, and the node's socket.

`forward.c` takes RTP that is in order on streams nobody waits for a key frame of; all else comes to
Python. Where it could not be built (no compiler when the package was installed), `CompiledPlane`
can't be made and media/plane.py serves, with the same results.
"""

import asyncio
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any, cast
from weakref import WeakKeyDictionary

from media.plane import ARRIVED, LinkState, Plane, SlotState, SourceState, StreamState
from media.udp import Address, bind_udp

try:
    from media.fastpath import _forward
except ImportError:  # not built
    AVAILABLE = False
else:
    AVAILABLE = True

_PLACE = 2048  # bytes of a kept packet, at most
_BURST = 0.001  # seconds to wait for the rest of a frame, so that it goes out in one send
_SO_TIMESTAMPNS = 35  # Linux; the socket module does not name it
_READS = 4  # batches before other work gets its turn


def _address(host: str) -> int:
    return int.from_bytes(socket.inet_aton(host), "big")


def _host(number: int) -> str:
    return socket.inet_ntoa(number.to_bytes(4, "big"))


class CompiledPlane(Plane):
    """States in C. `functions` are the addresses of libsrtp's protect and unprotect (0: packets are
    left as they are); `fd` is the socket packets go out on (-1: they stay pending, for tests)."""

    def __init__(self, functions: tuple[int, int], fd: int = -1) -> None:
        self._ffi, self._lib = _forward.ffi, _forward.lib
        self.core = self._ffi.gc(self._lib.core_new(fd, *functions), self._lib.core_free)
        self._sources: dict[str, Any] = {}
        self._links: dict[str, Any] = {}
        self._names: dict[int, str] = {}  # of sources, as events call them
        self._last_name = 0
        # C points from sources to streams to slots to links: what is pointed at must live.
        self._source_of: dict[Any, Any] = {}  # stream → source, until the stream ends
        self._followers: dict[Any, list[Any]] = {}  # stream → slots
        self._link_of: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()  # slot → link
        self._place = self._ffi.new("uint8_t[]", _PLACE)

    # ── states ───────────────────────────────────────────────────────────────────────────

    def source(self, resource_id: str) -> SourceState:
        if resource_id not in self._sources:
            self._last_name += 1
            self._names[self._last_name] = resource_id
            made = self._lib.source_new(self._last_name)
            self._sources[resource_id] = self._ffi.gc(made, self._lib.source_free)
        return cast("SourceState", self._sources[resource_id])

    def take_arrivals(self, source: SourceState) -> list[tuple[int, float]]:
        state: Any = source
        count = state.arrived
        if not count:
            return []
        numbers = self._ffi.unpack(state.arrived_number, count)
        times = self._ffi.unpack(state.arrived_at, count)
        state.arrived = 0
        return list(zip(numbers, times, strict=True))

    def note_arrival(self, source: SourceState, number: int, now: float) -> None:
        state: Any = source
        if state.arrived < ARRIVED:
            state.arrived_number[state.arrived] = number
            state.arrived_at[state.arrived] = now
            state.arrived += 1

    def stream(
        self, source: SourceState, key: int, ssrc: int, clock_rate: int, *, video: bool
    ) -> StreamState:
        state = self._ffi.gc(self._lib.stream_new(), self._lib.stream_free)
        state.key, state.ssrc, state.clock_rate, state.video = key, ssrc, clock_rate, video
        if self._lib.source_add(source, state):
            self._source_of[state] = source
        return cast("StreamState", state)

    def end_stream(self, stream: StreamState) -> None:
        self.follow(stream, ())
        source = self._source_of.pop(stream, None)
        if source is not None:
            self._lib.source_remove(source, stream)

    def link(self, resource_id: str) -> LinkState:
        if resource_id not in self._links:
            made = self._lib.link_new()
            self._links[resource_id] = self._ffi.gc(made, self._lib.link_free)
        return cast("LinkState", self._links[resource_id])

    def slot(self, link: LinkState, ssrc: int, block: bytes, twcc_at: int) -> SlotState:
        made = self._lib.slot_new(link, ssrc, block, len(block), twcc_at)
        assert made, "an extension block of a mid and a number fits"
        state = self._ffi.gc(made, self._lib.slot_free)
        self._link_of[state] = link
        return cast("SlotState", state)

    def follow(self, stream: StreamState, slots: Sequence[SlotState]) -> None:
        followers = list(slots)
        self._lib.stream_follow(stream, followers or self._ffi.NULL, len(followers))
        if followers:
            self._followers[stream] = followers
        else:
            self._followers.pop(stream, None)

    def keep(self, stream: StreamState, extended: int, data: bytes) -> None:
        self._lib.stream_keep(stream, extended, data, len(data))

    def kept(self, stream: StreamState, extended: int) -> bytes | None:
        size = self._lib.stream_kept(stream, extended, self._place)
        return None if size < 0 else cast("bytes", self._ffi.buffer(self._place, size)[:])

    def forget(self, stream: StreamState) -> None:
        self._lib.stream_forget(stream)

    def end(self, resource_id: str) -> None:
        source = self._sources.pop(resource_id, None)
        if source is not None:
            for stream in [s for s, of in self._source_of.items() if of == source]:
                self.end_stream(stream)
            del self._names[source.name]
            self._lib.source_leave(self.core, source)
        link = self._links.pop(resource_id, None)
        if link is not None:
            self._lib.link_leave(self.core, link)

    # ── where they are ───────────────────────────────────────────────────────────────────

    def at(self, resource_id: str, address: Address, receive: int, send: int) -> None:
        """The resource's packets come from and go to `address`, under these libsrtp sessions."""
        host, port = _address(address[0]), address[1]
        source = self.source(resource_id)
        self._lib.source_at(self.core, source, host, port)
        self._lib.source_keys(source, receive)
        self._lib.link_to(self.link(resource_id), host, port, send)

    def name(self, number: int) -> str | None:
        """The resource that events call `number`."""
        return self._names.get(number)

    def send(self, resource_id: str, data: bytes) -> None:
        """Protect an RTP packet and put it behind what is pending for the player."""
        link = self._links.get(resource_id)
        if link is not None:
            self._lib.link_send(self.core, link, data, len(data))

    # ── without a socket ─────────────────────────────────────────────────────────────────

    def feed(self, resource_id: str, data: bytes, now: float) -> bool:
        """Take an unprotected packet, if it is an ordinary one; else nothing is touched."""
        source = self._sources.get(resource_id)
        place = self._ffi.new("uint8_t[]", data)
        return source is not None and bool(
            self._lib.core_feed(self.core, source, place, len(data), now)
        )

    def pending(self) -> list[tuple[str, bytes]]:
        """What waits to be sent, each with its player, in order; it waits no longer."""
        found: list[tuple[str, bytes]] = []
        place, link = self._ffi.new("uint8_t[]", _PLACE), self._ffi.new("link_t **")
        names = {each: name for name, each in self._links.items()}
        while (size := self._lib.core_pending(self.core, len(found), place, link)) >= 0:
            found.append((names[link[0]], bytes(self._ffi.buffer(place, size))))
        self._lib.core_drop_pending(self.core)
        return found


class CompiledSocket:
    """The node's UDP socket, read through `forward.c`.

    `on_rtp(resource_id, packet, now)` is told of unprotected RTP that needs the rules,
    `on_datagram(data, address)` of anything else; what they put on its way is sent after the batch.
    """

    def __init__(
        self,
        host: str,
        port: int,
        functions: tuple[int, int],
        on_datagram: Callable[[bytes, Address], None],
        on_rtp: Callable[[str, bytes, float], None],
    ) -> None:
        self._on_datagram = on_datagram
        self._on_rtp = on_rtp
        self._socket = bind_udp(host, port)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self.port: int = self._socket.getsockname()[1]
        self.plane = CompiledPlane(functions, self._socket.fileno())
        self._event = _forward.ffi.new("event_t *")
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket.fileno(), self._read)
        self._later: asyncio.TimerHandle | None = None
        self._dropped = 0

    @property
    def dropped(self) -> int:
        return self._dropped + int(self.plane.core.dropped)

    @property
    def received(self) -> int:
        return int(self.plane.core.received)

    @property
    def forwarded(self) -> int:
        return int(self.plane.core.forwarded)

    def _read(self) -> None:
        lib, core, event = _forward.lib, self.plane.core, self._event
        buffer = _forward.ffi.buffer
        for _ in range(_READS):
            now = time.monotonic()
            if not lib.core_receive(core, now):
                break
            lib.core_next(core, now, event)
            while event.kind:
                data = buffer(event.data, event.size)[:]
                if event.kind == 2:
                    name = self.plane.name(event.name)
                    if name is not None:
                        self._on_rtp(name, data, event.at)
                else:
                    self._on_datagram(data, (_host(event.ip), event.port))
                lib.core_next(core, now, event)
        if core.unfinished and self._later is None:
            # The rest of a frame is on its way: look again when it has come, not at each packet.
            self._loop.remove_reader(self._socket.fileno())
            self._later = self._loop.call_later(_BURST, self._resume)
        else:
            self.flush()

    def _resume(self) -> None:
        try:
            self._read()
        finally:
            self._later = None
            self.flush()
            self._loop.add_reader(self._socket.fileno(), self._read)

    def flush(self) -> None:
        """Send what is pending."""
        _forward.lib.core_flush(self.plane.core)

    def send(self, data: bytes, address: Address) -> None:
        try:
            self._socket.sendto(data, address)
        except OSError:  # full buffer, unreachable peer: UDP promises nothing, consent will tell
            self._dropped += 1

    def close(self) -> None:
        if self._socket.fileno() >= 0:
            self.flush()
            if self._later is not None:
                self._later.cancel()
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()
