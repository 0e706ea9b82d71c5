"""What a player went through, from its own statistics, read several times a second.

All times are seconds since 1970, by the one clock of this machine.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Sample:
    """Counters since the beginning, and what is so now (W3C webrtc-stats, inbound-rtp)."""

    at: float
    frames: int  # decoded
    height: int  # of the last decoded frame
    freezes: int
    frozen: float  # seconds
    samples: int  # of sound, played
    concealed: int  # of these made up, less those of intended silence
    video_bytes: int
    audio_bytes: int


def sample(report: dict[str, Any]) -> Sample | None:
    """One report of javascript/harness.js; None while nothing has come yet."""
    by_kind = {s["kind"]: s for s in report["streams"] if s["type"] == "inbound-rtp"}
    if set(by_kind) != {"audio", "video"} or "frameHeight" not in by_kind["video"]:
        return None
    video, audio = by_kind["video"], by_kind["audio"]
    return Sample(
        report["at"] / 1000,
        video["framesDecoded"],
        video["frameHeight"],
        video["freezeCount"],
        video["totalFreezesDuration"],
        audio["totalSamplesReceived"],
        audio["concealedSamples"] - audio["silentConcealedSamples"],
        video["bytesReceived"],
        audio["bytesReceived"],
    )


@dataclass(frozen=True)
class Phase:
    """The samples between two moments, at least two."""

    samples: tuple[Sample, ...]

    @property
    def seconds(self) -> float:
        return self.samples[-1].at - self.samples[0].at

    @property
    def frames(self) -> int:
        return self.samples[-1].frames - self.samples[0].frames

    @property
    def concealed(self) -> float:
        """The share of the sound played that was made up, 0 to 1."""
        first, last = self.samples[0], self.samples[-1]
        return (last.concealed - first.concealed) / max(1, last.samples - first.samples)

    @property
    def bits_per_second(self) -> tuple[float, float]:
        """Video and audio payload that came."""
        first, last = self.samples[0], self.samples[-1]
        return (
            (last.video_bytes - first.video_bytes) * 8 / self.seconds,
            (last.audio_bytes - first.audio_bytes) * 8 / self.seconds,
        )

    def longest_gap(self) -> float:
        """The longest time in seconds with no new picture, as coarse as the samples are."""
        return max((end - start for start, end in self._gaps()), default=0.0)

    def settled_after(self, longest: float) -> float:
        """Seconds from the start until pictures come for good, with no gap over `longest`
        seconds."""
        late = [end for start, end in self._gaps() if end - start > longest]
        return max(late, default=self.samples[0].at) - self.samples[0].at

    def _gaps(self) -> list[tuple[float, float]]:
        found, since = [], self.samples[0].at
        for before, now in zip(self.samples, self.samples[1:], strict=False):
            if now.frames > before.frames:
                found.append((since, now.at))
                since = now.at
        return [*found, (since, self.samples[-1].at)]

    def reached_after(self, height: int) -> float | None:
        """Seconds from the start until pictures of this height come and go on coming; None if they
        don't."""
        lower = [s.at for s in self.samples if s.height < height]
        if self.samples[-1].height < height:
            return None
        return (lower[-1] if lower else self.samples[0].at) - self.samples[0].at

    def __str__(self) -> str:
        video, audio = self.bits_per_second
        first, last = self.samples[0], self.samples[-1]
        heights = [s.height for s in self.samples]
        changes = [h for h, before in zip(heights, [0, *heights], strict=False) if h != before]
        return (
            f"{self.seconds:.1f} s, {self.frames / self.seconds:.1f} pictures/s of height "
            f"{'→'.join(map(str, changes))}, video {video / 1000:.0f} and audio "
            f"{audio / 1000:.0f} kbit/s, concealed {self.concealed:.2%}, "
            f"{last.freezes - first.freezes} freezes of {last.frozen - first.frozen:.1f} s, "
            f"longest gap {self.longest_gap():.1f} s, "
            f"no standstill of a second after {self.settled_after(1.0):.1f} s"
        )


def phase(samples: Sequence[Sample], start: float, end: float) -> Phase:
    found = tuple(s for s in samples if start <= s.at <= end)
    assert len(found) >= 2, "samples come several times a second"
    return Phase(found)
