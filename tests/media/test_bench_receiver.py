"""A publisher and a viewer of the bench, joined by nothing but the loopback: what one sends is what
the other counts, however the kernel cuts and joins it."""

import os
import time

import pytest
from aiortc.rtcdtlstransport import RTCCertificate
from pylibsrtp import Policy, Session

from media.bench.connection import Connection
from media.bench.datagrams import Incoming, Outgoing, udp_socket
from media.bench.payloads import Pool
from media.bench.protection import Buffer
from media.bench.receiver import Receiver
from media.bench.scenarios import Publisher
from media.bench.sender import Sender, ssrcs

_PROFILES = {
    "gcm": (Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 28),
    "cm": (Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 30),
}


class _Pair:
    """A sender and a receiver with keys in common."""

    def __init__(self, profile: str, *, segmented: bool, joined: bool) -> None:
        number, length = _PROFILES[profile]
        key = os.urandom(length)
        certificate = RTCCertificate.generateCertificate()
        self.up, self.down = (Connection(certificate, profile, joined=joined) for _ in range(2))
        self.up.socket.connect(("127.0.0.1", self.down.local.address[1]))
        self.up.send, self.down.receive = (
            Session(Policy(key=key, ssrc_type=direction, srtp_profile=number))
            for direction in (Policy.SSRC_ANY_OUTBOUND, Policy.SSRC_ANY_INBOUND)
        )
        out, into, pool = Outgoing(), Incoming(), Pool(1)
        hub = Publisher(5, "lesson", "hub", lead=True)
        self.sender = Sender(
            hub, self.up, pool, out, Buffer(out), segmented=segmented, seed=1, now=0
        )
        self.receiver = Receiver(self.down, pool, into, Buffer(into), seed=1)

    def close(self) -> None:
        self.up.close()
        self.down.close()


@pytest.mark.parametrize("profile", ["gcm", "cm"])
@pytest.mark.parametrize(("segmented", "joined"), [(False, False), (True, False), (True, True)])
def test_viewer_counts_opens_and_misses_what_it_should(
    profile: str, segmented: bool, joined: bool
) -> None:
    pair = _Pair(profile, segmented=segmented, joined=joined)
    sender, receiver = pair.sender, pair.receiver
    with udp_socket() as elsewhere:
        elsewhere.bind(("127.0.0.1", 0))
        receiver.begin(1)
        before = time.time_ns()
        for _ in range(3):
            sender.send_video(0)
            sender.send_audio(0)
        so_far = sender.sent
        pair.up.socket.connect(elsewhere.getsockname())
        sender.send_video(0)
        missed = sender.sent - so_far
        pair.up.socket.connect(("127.0.0.1", pair.down.local.address[1]))
        sender.send_video(0)
        got = receiver.end()
    took = time.time_ns() - before
    pair.close()
    assert (sender.unsent, missed > 0) == (0, True)
    assert (got.received, got.lost) == (sender.sent - missed, missed)
    assert (got.sampled, got.different, got.unreadable) == (got.received, 0, 0)
    assert got.streams == set(ssrcs(5).values())
    assert all(0 < latency < took for latency in got.latencies)


def test_viewer_with_wrong_keys_says_so() -> None:
    pair, other = (_Pair("gcm", segmented=True, joined=True) for _ in range(2))
    pair.down.receive = other.down.receive
    pair.receiver.begin(1)
    pair.sender.send_audio(0)
    got = pair.receiver.end()
    pair.close()
    other.close()
    assert (got.received, got.sampled, got.unreadable) == (1, 1, 1)
