"""Synthetic packets: VP8 and Opus as browsers send them, made of numbers alone."""

from dataclasses import dataclass, field

from media import rtp
from media.specs import (
    Codec,
    Extension,
    Kind,
    PayloadSpec,
    PublisherSpec,
    SlotSpec,
    SubscriberSpec,
    TrackSpec,
)

VIDEO_FEEDBACK = frozenset({"nack", "nack pli", "ccm fir", "goog-remb"})
LEVEL_ID = 1


def vp8_payload(
    picture_id: int | None,
    tl0: int | None,
    *,
    key: bool,
    start: bool = True,
    body: bytes = b"",
    bits: int = 15,
) -> bytes:
    """RFC 7741 descriptor with the given fields, then a frame tag (key frames say 640x360)."""
    out = bytearray([0x10 if start else 0x00])
    if picture_id is not None or tl0 is not None:
        out[0] |= 0x80
        out.append((0x80 if picture_id is not None else 0) | (0x40 if tl0 is not None else 0))
        if picture_id is not None:
            if bits == 15:
                out += bytes((0x80 | picture_id >> 8, picture_id & 0xFF))
            else:
                out.append(picture_id)
        if tl0 is not None:
            out.append(tl0)
    if start:
        out += b"\x10\x00\x00\x9d\x01\x2a\x80\x02\x68\x01" if key else b"\x31\x00\x00"
    return bytes(out) + body


def packet(
    payload: bytes,
    *,
    sequence: int,
    timestamp: int,
    ssrc: int,
    payload_type: int,
    marker: bool = False,
    block: bytes = b"",
) -> bytes:
    head = rtp.header_bytes(
        marker, payload_type, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc, block
    )
    return head + payload


@dataclass
class Camera:
    """A VP8 source: each frame is `per_frame` packets, 1/25 s after the one before."""

    ssrc: int
    sequence: int = 1000
    timestamp: int = 90_000
    picture_id: int = 100
    tl0: int = 7
    per_frame: int = 3
    payload_type: int = 96
    frames: int = field(default=0)

    def frame(self, *, key: bool = False) -> list[bytes]:
        made = []
        for index in range(self.per_frame):
            body = f"{self.ssrc}/{self.frames}/{index}".encode() * 8
            payload = vp8_payload(self.picture_id, self.tl0, key=key, start=index == 0, body=body)
            made.append(
                packet(
                    payload,
                    sequence=self.sequence,
                    timestamp=self.timestamp,
                    ssrc=self.ssrc,
                    payload_type=self.payload_type,
                    marker=index == self.per_frame - 1,
                )
            )
            self.sequence = (self.sequence + 1) & 0xFFFF
        self.timestamp = (self.timestamp + 3600) & 0xFFFFFFFF
        self.picture_id = (self.picture_id + 1) & 0x7FFF
        self.tl0 = (self.tl0 + 1) & 0xFF
        self.frames += 1
        return made


@dataclass
class Microphone:
    """An Opus source of 20 ms packets that says its level (-dBov) by RFC 6464."""

    ssrc: int
    level: int = 40
    sequence: int = 1
    timestamp: int = 0
    payload_type: int = 111

    def next(self) -> bytes:
        block = rtp.extension_block([(LEVEL_ID, bytes((0x80 | self.level,)))])
        made = packet(
            b"opus" + self.sequence.to_bytes(2, "big"),
            sequence=self.sequence,
            timestamp=self.timestamp,
            ssrc=self.ssrc,
            payload_type=self.payload_type,
            block=block,
        )
        self.sequence = (self.sequence + 1) & 0xFFFF
        self.timestamp = (self.timestamp + 960) & 0xFFFFFFFF
        return made


VP8 = PayloadSpec(Codec.VP8, 96, 90_000, feedback=VIDEO_FEEDBACK)
OPUS = PayloadSpec(Codec.OPUS, 111, 48_000, channels=2)


def publisher(
    name: str, *, video: int | None = None, audio: int | None = None, lead: bool = False
) -> PublisherSpec:
    """A WHIP resource `name>` with the given SSRCs."""
    tracks = []
    if audio is not None:
        level = ((Extension.AUDIO_LEVEL, LEVEL_ID),)
        tracks.append(TrackSpec(Kind.AUDIO, "0", (OPUS,), extensions=level, ssrcs=(audio,)))
    if video is not None:
        tracks.append(TrackSpec(Kind.VIDEO, "1", (VP8,), ssrcs=(video,)))
    return PublisherSpec(f"{name}>", name, lead, tuple(tracks))


def subscriber(
    name: str, *, videos: int = 1, audios: int = 1, rtx: bool = False, ssrc: int = 5000
) -> SubscriberSpec:
    """A WHEP resource `>name` whose payload types differ from those published."""
    vp8 = PayloadSpec(
        Codec.VP8, 102, 90_000, feedback=VIDEO_FEEDBACK, rtx_payload_type=103 if rtx else None
    )
    opus = PayloadSpec(Codec.OPUS, 109, 48_000, channels=2)
    slots = [SlotSpec(Kind.AUDIO, f"a{i}", (opus,), ssrc + i) for i in range(audios)]
    slots += [
        SlotSpec(Kind.VIDEO, f"v{i}", (vp8,), ssrc + 100 + i, ssrc + 200 + i if rtx else None)
        for i in range(videos)
    ]
    return SubscriberSpec(f">{name}", name, tuple(slots), cname=f"cname-{name}")
