"""SRTP in place: libsrtp called through pylibsrtp's own binding, without its copies."""

from typing import Any

from pylibsrtp import Session
from pylibsrtp._binding import ffi, lib

from media.bench.datagrams import SLOT, Incoming, Outgoing

_OK = lib.srtp_err_status_ok


class Buffer:
    """The buffer of a batch as libsrtp sees it."""

    def __init__(self, batch: Incoming | Outgoing) -> None:
        self._start: Any = ffi.from_buffer("char[]", batch.buffer)
        self._size: Any = ffi.new("int *")

    def protect(self, session: Session, at: int, size: int) -> int:
        """Protect the RTP packet of `size` bytes that begins at `at`; its new size."""
        self._size[0] = size
        status = lib.srtp_protect(session._srtp[0], self._start + at, self._size)
        assert status == _OK, f"libsrtp refuses to protect our own packet: {status}"
        return int(self._size[0])

    def unprotect(self, session: Session, slot: int, size: int) -> int:
        """Unprotect the packet in a slot; its size, or -1 where it is not authentic."""
        self._size[0] = size
        if lib.srtp_unprotect(session._srtp[0], self._start + slot * SLOT, self._size) != _OK:
            return -1
        return int(self._size[0])
