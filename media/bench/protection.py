"""SRTP and SRTCP in place: libsrtp called through pylibsrtp's own binding, without its copies."""

from typing import Any

from pylibsrtp import Session
from pylibsrtp._binding import ffi, lib

from media.bench.datagrams import BATCH, SLOT, Batch

_OK = lib.srtp_err_status_ok


class Slots:
    """The slots of a batch as libsrtp sees them."""

    def __init__(self, batch: Batch) -> None:
        whole = ffi.from_buffer("char[]", batch.buffer)
        self._keep = whole  # the pointers below live no longer than this view of the buffer
        self._slots = [whole + i * SLOT for i in range(BATCH)]
        self._size: Any = ffi.new("int *")

    def protect(self, session: Session, i: int, size: int) -> int:
        """Protect the RTP packet of `size` bytes in slot `i`; its new size."""
        self._size[0] = size
        status = lib.srtp_protect(session._srtp[0], self._slots[i], self._size)
        assert status == _OK, f"libsrtp refuses to protect our own packet: {status}"
        return int(self._size[0])

    def unprotect(self, session: Session, i: int, size: int) -> int:
        """Unprotect slot `i`; the packet's size, or -1 where it is not authentic."""
        self._size[0] = size
        if lib.srtp_unprotect(session._srtp[0], self._slots[i], self._size) != _OK:
            return -1
        return int(self._size[0])
