"""A line with a length: what enters one end leaves the other some milliseconds later, in order.

`python -m tests.weak.relay NAMESPACE DEVICE NAMESPACE DEVICE MILLISECONDS` makes a TUN device in
each namespace, says "ready", and carries packets between the two until its standard input closes.
The kernel here has no netem, so the delay is made in user space; rates and losses are the kernel's.
"""

import fcntl
import os
import select
import struct
import sys
import time
from collections import deque
from pathlib import Path

from tests.weak.namespaces import enter

_TUNSETIFF = 0x400454CA  # <linux/if_tun.h>
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
_MOST = 20_000  # packets under way in one direction
_LARGEST = 65_536  # bytes


class _End:
    """One TUN device, and the packets on their way to it with the time each is due."""

    def __init__(self, namespace: str, device: str) -> None:
        enter(Path("/run/netns") / namespace)
        self.descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        request = struct.pack("16sH22x", device.encode(), _IFF_TUN | _IFF_NO_PI)
        fcntl.ioctl(self.descriptor, _TUNSETIFF, request)
        self.coming: deque[tuple[float, bytes]] = deque()

    def take(self, due: float, other: "_End") -> None:
        """Put what this end was given on its way to the other."""
        while True:
            try:
                packet = os.read(self.descriptor, _LARGEST)
            except OSError:  # nothing more, or the device is down
                return
            if len(other.coming) < _MOST:
                other.coming.append((due, packet))

    def deliver(self, now: float) -> None:
        while self.coming and self.coming[0][0] <= now:
            try:
                os.write(self.descriptor, self.coming.popleft()[1])
            except OSError:  # the device is down or its queue is full: lost, as on a real line
                return


def relay(first: _End, second: _End, delay: float) -> None:
    """Carry packets until standard input closes; `delay` in seconds, each way."""
    poll = select.poll()
    for descriptor in (first.descriptor, second.descriptor, sys.stdin.fileno()):
        poll.register(descriptor, select.POLLIN)
    while True:
        dues = [end.coming[0][0] for end in (first, second) if end.coming]
        wait = max(0.0, min(dues) - time.monotonic()) * 1000 if dues else None
        for descriptor, _ in poll.poll(wait):
            due = time.monotonic() + delay
            if descriptor == first.descriptor:
                first.take(due, second)
            elif descriptor == second.descriptor:
                second.take(due, first)
            elif not os.read(descriptor, 1):
                return
        now = time.monotonic()
        first.deliver(now)
        second.deliver(now)


if __name__ == "__main__":
    os.nice(-10)  # a line does not wait for the processors of the hosts it joins
    ends = _End(*sys.argv[1:3]), _End(*sys.argv[3:5])
    print("ready", flush=True)
    relay(*ends, float(sys.argv[5]) / 1000)
