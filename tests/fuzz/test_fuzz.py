"""Every parser of the network against hostile input: what it raises, what it costs, what it keeps.

The same targets are run twice: by Hypothesis, which bends valid inputs and finds the smallest that
fails, and by atheris, which looks for lines no input has reached.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from media import feedback, rtcp
from media.rtp import MalformedPacket
from tests.fuzz import lesson
from tests.fuzz.mutations import hostile
from tests.fuzz.targets import TARGETS, budget, lines_run, peak

PARSERS = sorted(set(TARGETS) - {"node"})
SECONDS, RUNS = 3, 20_000  # of atheris for each target, whichever ends first


@pytest.fixture(autouse=True, scope="module")
def _lesson_ends() -> Iterator[None]:
    yield
    lesson.end()


_bounded = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_every_seed_is_taken(name: str) -> None:
    for seed in TARGETS[name].seeds():
        TARGETS[name].run(seed)


@pytest.mark.parametrize("name", PARSERS)
@_bounded
@given(data=st.data())
def test_no_input_raises_or_costs_more_than_a_valid_one_of_its_size(
    name: str, data: st.DataObject
) -> None:
    target = TARGETS[name]
    allowed = budget(name)
    given_now = data.draw(hostile(target.seeds(), target.largest))
    lines, held = allowed(len(given_now))
    assert lines_run(target.run, given_now) <= lines
    assert peak(target.run, given_now) <= held


@settings(_bounded, max_examples=100)
@given(hostile(lesson.seeds(), 1600))
def test_no_datagram_of_anybody_ends_a_lesson(data: bytes) -> None:
    lesson.take(data)


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_no_input_that_coverage_leads_to_breaks_it(name: str, tmp_path: Path) -> None:
    limits = ["--seconds", str(SECONDS), "--runs", str(RUNS), "--artifacts", str(tmp_path)]
    ended = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", name, *limits],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-4000:]
    assert "Done" in ended.stderr


# ── what was found, and stays mended ─────────────────────────────────────────────────────

#: Two bytes of run length that stand for 4096 packets which did not come.
_NOTHING_CAME = bytes.fromhex("0000100000000000 1000 0000")


def test_a_run_length_is_not_counted_out() -> None:
    assert lines_run(TARGETS["transport-feedback"].run, _NOTHING_CAME) < 60
    read = feedback.parse_transport_feedback(1, 2, _NOTHING_CAME)
    assert read.arrivals == (None,) * 4096


def test_a_compound_tells_of_no_more_packets_than_one_feedback_may() -> None:
    one = b"\x8f\xcd\x00\x05" + bytes(8) + _NOTHING_CAME
    assert len(rtcp.parse(one)) == 1
    assert len(rtcp.parse(one + b"\x80\xcc\x00\x00" * 3)) == 1
    with pytest.raises(MalformedPacket):
        rtcp.parse(one * 70)


def test_a_run_of_arrivals_longer_than_its_deltas_is_refused_at_once() -> None:
    all_came = bytes.fromhex("0000100000000000 3000 0000")
    with pytest.raises(MalformedPacket):
        feedback.parse_transport_feedback(1, 2, all_came)
    assert lines_run(TARGETS["transport-feedback"].run, all_came) < 60


#: Each once cost as much as the product of its parts, or raised what nobody caught.
_OFFERS = {
    "types by feedback": "".join(f"a=rtpmap:{n} x/1\r\n" for n in range(900))
    + "a=rtcp-fb:* nack\r\n" * 900,
    "formats by types": "".join(f"a=rtpmap:{n % 1000} rtx/90000\r\n" for n in range(2000)),
    "fingerprints": "".join(f"a=fingerprint:sha-256 {n:064x}\r\n" for n in range(180)),
    "extensions": "".join(f"a=extmap:{n % 14 + 1} urn:{n}\r\n" for n in range(900)),
    "rids": "".join(f"a=rid:r{n} send pt=96;max-width=1\r\n" for n in range(600)),
    "no digits": "m=video 9 UDP/TLS/RTP/SAVPF ² ٣ 96\r\na=mid:9\r\na=rtcp-mux\r\n",
}


@pytest.mark.parametrize("kind", _OFFERS)
def test_an_offer_of_many_parts_costs_no_more_than_its_size(kind: str) -> None:
    target = TARGETS["sdp-offer"]
    for seed in target.seeds()[:3]:
        data = seed + _OFFERS[kind].encode()
        lines, held = budget("sdp-offer")(len(data))
        assert lines_run(target.run, data) <= lines
        assert peak(target.run, data) <= held
