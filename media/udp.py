"""The node's one UDP socket: read in batches, written at once, never waited for.

This is the one without compiled code; media/fastpath has the other.
"""

import asyncio
import errno
import socket
from collections.abc import Callable

Address = tuple[str, int]

_BATCH = 64  # datagrams read per wake-up, so that other work gets its turn
_BUFFER = 4 * 1024 * 1024  # bytes; the kernel grants what it may
_MAX_DATAGRAM = 2048


def bind_udp(host: str, port: int) -> socket.socket:
    """A non-blocking socket with large buffers. Raises OSError when the port is taken."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    bound.setblocking(False)
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        bound.setsockopt(socket.SOL_SOCKET, option, _BUFFER)
    try:
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound


class UdpSocket:
    """`on_datagram(data, address)` for each arrival. A full send buffer drops, and counts."""

    received = forwarded = 0  # RTP packets that it dealt with by itself

    def __init__(self, host: str, port: int, on_datagram: Callable[[bytes, Address], None]) -> None:
        self._on_datagram = on_datagram
        self.dropped = 0
        self._socket = bind_udp(host, port)
        self.port: int = self._socket.getsockname()[1]
        asyncio.get_running_loop().add_reader(self._socket.fileno(), self._read)

    def _read(self) -> None:
        for _ in range(_BATCH):
            try:
                data, address = self._socket.recvfrom(_MAX_DATAGRAM)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if error.errno in (errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH):
                    continue  # an ICMP answer to something sent before
                raise
            self._on_datagram(data, address)

    def send(self, data: bytes, address: Address) -> None:
        try:
            self._socket.sendto(data, address)
        except OSError:  # full buffer, unreachable peer: UDP promises nothing, consent will tell
            self.dropped += 1

    def flush(self) -> None:
        """Nothing is held back here."""

    def close(self) -> None:
        if self._socket.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()
