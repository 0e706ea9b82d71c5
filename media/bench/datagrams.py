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

SLOT = 2048  # bytes reserved for each datagram
BATCH = 64  # and no more segments than that in one send
SO_TIMESTAMPNS = 35  # asm-generic/socket.h; absent from Python's socket module
SO_RCVBUFFORCE = 33
UDP_SEGMENT = 103  # linux/udp.h
_RECEIVE_BUFFER = 4 << 20
_CONTROL = 64  # bytes; one cmsg of a timespec needs 32
_STAMP_AT = 16  # its data, behind struct cmsghdr
_STAMP = struct.Struct("qq")
_SEGMENT = struct.Struct("H")


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


class _Messages:
    """A buffer and `BATCH` message headers, each with a place in it."""

    def __init__(self, stride: int) -> None:
        self._libc = _libc()
        self.buffer = ctypes.create_string_buffer(stride * BATCH)
        self.view = memoryview(self.buffer).cast("B")
        self._address = ctypes.addressof(self.buffer)
        self._iovecs = (_Iovec * BATCH)()
        self._messages = (_Message * BATCH)()
        for i in range(BATCH):
            self._iovecs[i].base = self._address + i * stride
            self._iovecs[i].length = stride
            self._messages[i].header.iov = ctypes.addressof(self._iovecs[i])
            self._messages[i].header.iov_count = 1


class Incoming(_Messages):
    """`BATCH` slots of `SLOT` bytes, filled by one call."""

    def __init__(self) -> None:
        super().__init__(SLOT)
        self._control = ctypes.create_string_buffer(_CONTROL * BATCH)
        for i in range(BATCH):
            header = self._messages[i].header
            header.control = ctypes.addressof(self._control) + i * _CONTROL
            header.control_length = _CONTROL
        self._template = bytes(self._messages)
        self.lengths = memoryview(self._messages).cast("B").cast("I")[_LENGTH_WORD::_WORDS]

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


class Outgoing(_Messages):
    """Datagrams of one size, end to end in one buffer."""

    def __init__(self) -> None:
        super().__init__(SLOT)
        places = memoryview(self._iovecs).cast("B").cast("Q")
        self._bases, self._sizes = places[0::_IOVEC_WORDS], places[1::_IOVEC_WORDS]

    def send(self, sock: socket.socket, size: int, count: int, *, segmented: bool) -> int:
        """Send the first `count` datagrams of `size` bytes to the peer `sock` is connected to, one
        by one or as one send that the kernel cuts; how many it took."""
        if segmented:
            option = (socket.IPPROTO_UDP, UDP_SEGMENT, _SEGMENT.pack(size))
            try:
                return sock.sendmsg([self.view[: size * count]], [option]) // size
            except OSError:
                return 0
        for i in range(count):
            self._bases[i], self._sizes[i] = self._address + i * size, size
        flags = socket.MSG_DONTWAIT
        return max(0, int(self._libc.sendmmsg(sock.fileno(), self._messages, count, flags)))


def udp_socket() -> socket.socket:
    """A non-blocking UDP socket with kernel timestamps and room for what comes between two reads.
    Where the system's limit is small and cannot be passed, the limit is what it gets."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    force = SO_RCVBUFFORCE if os.geteuid() == 0 else socket.SO_RCVBUF
    sock.setsockopt(socket.SOL_SOCKET, force, _RECEIVE_BUFFER)
    return sock
