"""Many datagrams per system call, for the load generator: recvmmsg and sendmmsg through ctypes.

The peers of a bench share the machine with what they measure, so they are to be cheap. They read
their sockets when they like instead of being woken by each packet; that costs no accuracy, because
the kernel stamps each datagram as it arrives (SO_TIMESTAMPNS).
"""

import ctypes
import os
import socket
import struct
import sys
from collections.abc import Iterator

SLOT = 2048  # bytes reserved for each datagram
BATCH = 64
SO_TIMESTAMPNS = 35  # asm-generic/socket.h; absent from Python's socket module
SO_RCVBUFFORCE = 33
_RECEIVE_BUFFER = 4 << 20
_CONTROL = 64  # bytes; one cmsg of a timespec needs 32
_STAMP_AT = 16  # its data, behind struct cmsghdr
_STAMP = struct.Struct("qq")


class _Iovec(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Header(ctypes.Structure):
    """struct msghdr."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("iov", ctypes.c_void_p),
        ("iov_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Message(ctypes.Structure):
    """struct mmsghdr."""

    _fields_ = (("header", _Header), ("length", ctypes.c_uint32))


_WORDS = ctypes.sizeof(_Message) // 4
_LENGTH_WORD = _Message.length.offset // 4
_IOVEC_WORDS = ctypes.sizeof(_Iovec) // 8


def _libc() -> ctypes.CDLL:
    assert sys.platform == "linux", "the structures above are Linux's"
    assert ctypes.sizeof(ctypes.c_void_p) == 8, "and of 64 bits"
    return ctypes.CDLL(None, use_errno=True)


class Batch:
    """`BATCH` slots of `SLOT` bytes in one buffer, and the message headers that point at them."""

    def __init__(self) -> None:
        self._libc = _libc()
        self.buffer = ctypes.create_string_buffer(SLOT * BATCH)
        self.view = memoryview(self.buffer).cast("B")
        self._control = ctypes.create_string_buffer(_CONTROL * BATCH)
        self._iovecs = (_Iovec * BATCH)()
        self._messages = (_Message * BATCH)()
        for i in range(BATCH):
            self._iovecs[i].base = ctypes.addressof(self.buffer) + i * SLOT
            self._iovecs[i].length = SLOT
            self._messages[i].header.iov = ctypes.addressof(self._iovecs[i])
            self._messages[i].header.iov_count = 1
            self._messages[i].header.control = ctypes.addressof(self._control) + i * _CONTROL
            self._messages[i].header.control_length = _CONTROL
        self._template = bytes(self._messages)
        self.lengths = memoryview(self._messages).cast("B").cast("I")[_LENGTH_WORD::_WORDS]
        self._sizes = memoryview(self._iovecs).cast("B").cast("Q")[1::_IOVEC_WORDS]

    def receive(self, fd: int) -> int:
        """Fill the slots from socket `fd` without waiting; how many were filled. Their sizes are in
        `lengths`."""
        ctypes.memmove(self._messages, self._template, len(self._template))
        count = self._libc.recvmmsg(fd, self._messages, BATCH, socket.MSG_DONTWAIT, None)
        return int(count) if count > 0 else 0

    def stamp(self, i: int) -> int:
        """When the kernel received datagram `i`, in nanoseconds of the system clock."""
        seconds, rest = _STAMP.unpack_from(self._control, i * _CONTROL + _STAMP_AT)
        return int(seconds) * 1_000_000_000 + int(rest)

    def send(self, fd: int, sizes: list[int]) -> int:
        """Send the first `len(sizes)` slots to the peer socket `fd` is connected to; how many the
        kernel took."""
        for i, size in enumerate(sizes):
            self._sizes[i] = size
            self._messages[i].header.control_length = 0
        sent = 0
        while sent < len(sizes):
            count = self._libc.sendmmsg(
                fd,
                ctypes.byref(self._messages, sent * ctypes.sizeof(_Message)),
                len(sizes) - sent,
                socket.MSG_DONTWAIT,
            )
            if count <= 0:
                break
            sent += count
        return sent


def udp_socket() -> socket.socket:
    """A non-blocking UDP socket with kernel timestamps and room for what comes between two reads.
    Where the system's limit is small and cannot be passed, the limit is what it gets."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    force = SO_RCVBUFFORCE if os.geteuid() == 0 else socket.SO_RCVBUF
    sock.setsockopt(socket.SOL_SOCKET, force, _RECEIVE_BUFFER)
    return sock


def chunks(count: int) -> Iterator[range]:
    """`range(count)` in pieces no longer than a batch."""
    for start in range(0, count, BATCH):
        yield range(start, min(start + BATCH, count))
