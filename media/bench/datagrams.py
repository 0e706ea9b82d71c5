"""Many datagrams per system call, for the load generator: recvmmsg and sendmmsg through ctypes.

The peers of a bench share the machine with what they measure, so they are to be cheap. They read
their sockets when they like instead of being woken by each packet; that costs no accuracy, because
the kernel stamps each datagram as it arrives (SO_TIMESTAMPNS). With *offload* they hand the kernel
a burst in one piece (UDP_SEGMENT) and take in one piece what came as one (UDP_GRO), as a network
card that cuts and joins does.
"""

import ctypes
import os
import socket
import struct
import sys

MTU = 2048  # bytes of the longest datagram anyone here sends
BATCH = 64  # datagrams in one call, and no more segments than that in one send
SLOT = (1 << 16) + 192  # bytes for what one receive may bring; not a power of two: see caches
SO_TIMESTAMPNS = 35  # asm-generic/socket.h; absent from Python's socket module
SO_RCVBUFFORCE = 33
UDP_SEGMENT = 103  # linux/udp.h
UDP_GRO = 104
_RECEIVE_BUFFER = 4 << 20
_CONTROL = 64  # bytes; a cmsg of a timespec takes 32, one of a segment's size 24
_STAMP_AT = 16  # its data, behind struct cmsghdr
_STAMP = struct.Struct("qq")
_SEGMENT_AT = 48
_SEGMENT_CONTROL = 52  # bytes of control data from which on there is a segment's size
_SEGMENT = struct.Struct("H")
_SIZE = struct.Struct("i")


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


_MESSAGE = ctypes.sizeof(_Message)
_WORDS = _MESSAGE // 4
_LENGTH_WORD = _Message.length.offset // 4
_CONTROL_WORD = _Header.control_length.offset // 8
_IOVEC_WORDS = ctypes.sizeof(_Iovec) // 8


def _libc() -> ctypes.CDLL:
    assert sys.platform == "linux", "the structures above are Linux's"
    assert ctypes.sizeof(ctypes.c_void_p) == 8, "and of 64 bits"
    return ctypes.CDLL(None, use_errno=True)


class _Messages:
    """A buffer and `BATCH` message headers, each with a place in it."""

    def __init__(self, stride: int) -> None:
        libc = _libc()
        self._receive, self._send = libc.recvmmsg, libc.sendmmsg
        self.buffer = ctypes.create_string_buffer(stride * BATCH)
        self.view = memoryview(self.buffer).cast("B")
        self._address = ctypes.addressof(self.buffer)
        self._iovecs = (_Iovec * BATCH)()
        self._messages = (_Message * BATCH)()
        self._first = ctypes.byref(self._messages)
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
        self._headers = memoryview(self._messages).cast("B")
        self._template = bytes(self._headers)
        self._used = 0
        self.lengths = self._headers.cast("I")[_LENGTH_WORD::_WORDS]
        self._controls = self._headers.cast("Q")[_CONTROL_WORD :: _MESSAGE // 8]

    def receive(self, fd: int) -> int:
        """Fill the slots from socket `fd` without waiting; how many were filled. Their sizes are in
        `lengths`."""
        if self._used:  # the kernel wrote into the headers: put them back
            end = self._used * _MESSAGE
            self._headers[:end] = self._template[:end]
        count = self._receive(fd, self._first, BATCH, socket.MSG_DONTWAIT, None)
        self._used = max(0, count)
        return self._used

    def segment(self, i: int) -> int:
        """Bytes of each of the datagrams that came as one in slot `i` (the last may be shorter)."""
        if self._controls[i] < _SEGMENT_CONTROL:
            return self.lengths[i]
        size: int = _SIZE.unpack_from(self._control, i * _CONTROL + _SEGMENT_AT)[0]
        return size

    def stamp(self, i: int) -> int:
        """When the kernel received what is in slot `i`, in nanoseconds of the system clock."""
        seconds, rest = _STAMP.unpack_from(self._control, i * _CONTROL + _STAMP_AT)
        return int(seconds) * 1_000_000_000 + int(rest)


class Outgoing(_Messages):
    """Datagrams of one size, end to end in one buffer."""

    def __init__(self) -> None:
        super().__init__(MTU)
        places = memoryview(self._iovecs).cast("B").cast("Q")
        self._bases, self._sizes = places[0::_IOVEC_WORDS], places[1::_IOVEC_WORDS]

    def send(self, sock: socket.socket, size: int, count: int, *, segmented: bool) -> int:
        """Send the first `count` datagrams of `size` bytes to the peer `sock` is connected to, one
        by one or as one send that the kernel cuts; how many it took."""
        if count == 1 or segmented:
            burst = self.view[: size * count]
            try:
                if count == 1:
                    return sock.send(burst) // size
                option = (socket.IPPROTO_UDP, UDP_SEGMENT, _SEGMENT.pack(size))
                return sock.sendmsg((burst,), (option,)) // size
            except OSError:
                return 0
        for i in range(count):
            self._bases[i], self._sizes[i] = self._address + i * size, size
        return max(0, int(self._send(sock.fileno(), self._first, count, socket.MSG_DONTWAIT)))


def udp_socket(*, joined: bool = False) -> socket.socket:
    """A non-blocking UDP socket with kernel timestamps and room for what comes between two reads;
    `joined`: bursts are taken in one piece. Where the system's limit is small and cannot be passed,
    the limit is what it gets."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    force = SO_RCVBUFFORCE if os.geteuid() == 0 else socket.SO_RCVBUF
    sock.setsockopt(socket.SOL_SOCKET, force, _RECEIVE_BUFFER)
    if joined:
        sock.setsockopt(socket.IPPROTO_UDP, UDP_GRO, 1)
    return sock
