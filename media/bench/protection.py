"""SRTP in place: libsrtp called through pylibsrtp's own compiled binding, without its copies."""

from typing import Any

from pylibsrtp import Session
from pylibsrtp._binding import ffi, lib

from media.bench.datagrams import Incoming, Outgoing

_OK = lib.srtp_err_status_ok


class Buffer:
    """The buffer of a batch as libsrtp sees it."""

    def __init__(self, batch: Incoming | Outgoing) -> None:
        self._start: Any = ffi.from_buffer("char[]", batch.buffer)
        self._size: Any = ffi.new("int *")

    def protect(self, session: Session, count: int, size: int, stride: int) -> None:
        """Protect `count` RTP packets of `size` bytes that begin every `stride` bytes; each grows
        to its stride."""
        protect, context, length = lib.srtp_protect, session._srtp[0], self._size
        at = self._start
        for _ in range(count):
            length[0] = size
            status = protect(context, at, length)
            assert status == _OK, f"libsrtp refuses to protect our own packet: {status}"
            at = at + stride
        assert length[0] == stride, "the profile adds what it is said to"

    def unprotect(self, session: Session, at: int, size: int) -> int:
        """Unprotect the packet of `size` bytes at `at`; its size, or -1 where it is not
        authentic."""
        self._size[0] = size
        if lib.srtp_unprotect(session._srtp[0], self._start + at, self._size) != _OK:
            return -1
        return int(self._size[0])
