"""A WHIP resource in a room: the streams that come of it, the feeds they make, what it is told."""

from collections import deque

from media import codecs, rtp
from media.allowance import Allowance
from media.delivery import unix
from media.feedback import Arrivals
from media.feeds import Feed
from media.plane import Plane
from media.reception import Stream
from media.rewrite import Arrived, decapsulate_rtx
from media.rtcp import Bye, Nack, Packet, Pli, ReceiverReport, Remb, SenderReport
from media.rtp import RtpHeader
from media.specs import Extension, Kind, PayloadSpec, PublisherSpec, TrackSpec

RECENT = 1.0  # seconds within which media must have flowed to be flowing
KEYFRAME_INTERVAL = 0.5  # seconds between requests for a key frame of one stream
PUBLISH_BITRATE = 4_000_000  # bits per second a publisher is allowed by REMB
_OFFSETS_FOR = 60.0  # seconds
_MAX_STREAMS = 16  # inbound SSRCs of one publisher
_MAX_FEEDBACKS = 8  # in one tick; numbers so far apart that they need more are not honest
_MAX_REPORTED = 31  # report blocks in one packet (RFC 3550, 6.4.1)


class Publisher:
    """See the module. `keys` gives each stream and feed a number that nothing else has had; `ssrc`
    is ours in reports to it."""

    def __init__(self, spec: PublisherSpec, plane: Plane, ssrc: int, keys: "Keys") -> None:
        self.spec = spec
        self.ssrc = ssrc
        self.live = False
        self.offset: float | None = None  # our wall clock less its NTP clock
        self.streams: dict[int, Stream] = {}  # by SSRC
        self.feeds = tuple(
            Feed(keys(), t, spec.resource_id, spec.participant, spec.lead, spec.source)
            for t in spec.tracks
        )
        self._offsets: deque[tuple[float, float]] = deque(maxlen=256)  # when told, and what
        self._plane = plane
        self._source = plane.source(spec.resource_id)
        self._keys = keys
        self._repairs = {repair: media for t in spec.tracks for media, repair in t.rtx_ssrcs}
        self._arrivals = Arrivals()
        self._beginnings = Allowance(1.0, 8.0)  # streams that take another's place
        self._feedback = any(Extension.TRANSPORT_CC in dict(t.extensions) for t in spec.tracks)

    # ── packets ──────────────────────────────────────────────────────────────────────────

    def take(self, data: bytes, now: float) -> tuple[Stream, Arrived] | None:
        """A decrypted RTP packet, read and counted: its stream, and what it says. None for one
        that is nobody's, came before, or only fills the line. Raises MalformedPacket."""
        header = rtp.parse(data)
        stream = self.streams.get(header.ssrc)
        spans = rtp.extensions(data, header)
        if self._feedback:
            self._note(stream, header, data, spans, now)
        if stream is None:
            whole = self._repaired(data, header, spans)
            if whole is not None:
                stream, data = whole
                header = rtp.parse(data)
            else:
                stream = self._discover(data, header, spans, now)
        if stream is None:
            return None
        if header.payload_type != stream.payload.payload_type:
            payload = _payload(stream.track, header.payload_type)
            if payload is None:
                return None
            stream.carry(payload)
            stream.keyed = stream.track.kind is Kind.AUDIO and stream.keyed
        picture = codecs.read(stream.payload.codec, data, header.payload_start, header.payload_end)
        packet = Arrived(data, header, stream.extend(header.sequence), picture, spans, now)
        if not stream.take(packet):
            return None
        span = spans.get(stream.state.level_id)
        if span is not None:
            level, _ = rtp.audio_level(data, span)
            stream.state.level += (level - stream.state.level) / 16
        if picture.size is not None:
            stream.size = picture.size
        return stream, packet

    def _note(
        self,
        stream: Stream | None,
        header: RtpHeader,
        data: bytes,
        spans: dict[int, tuple[int, int]],
        now: float,
    ) -> None:
        """Keep when the packet came, to be told to the publisher's congestion control."""
        if stream is not None:
            number = stream.state.twcc_id
        else:
            tracks = self.spec.tracks
            ids = (dict(t.extensions).get(Extension.TRANSPORT_CC, 0) for t in tracks)
            number = next((n for n in ids if n), 0)
        start, end = spans.get(number, (0, 0))
        if end - start == 2:
            self._plane.note_arrival(self._source, data[start] << 8 | data[start + 1], now)

    def _repaired(
        self, data: bytes, header: RtpHeader, spans: dict[int, tuple[int, int]]
    ) -> tuple[Stream, bytes] | None:
        """The stream and the packet that an RTX packet (RFC 4588) repeats."""
        ssrc = self._repairs.get(header.ssrc)
        if ssrc is None:
            ssrc = self._repaired_by_rid(data, header, spans)
        stream = self.streams.get(ssrc) if ssrc is not None else None
        if ssrc is None or stream is None:
            return None
        whole = decapsulate_rtx(data, header, ssrc, stream.payload.payload_type)
        return None if whole is None else (stream, whole)

    def _repaired_by_rid(
        self, data: bytes, header: RtpHeader, spans: dict[int, tuple[int, int]]
    ) -> int | None:
        """The media SSRC of an RTX SSRC that the offer did not name: by its repaired RID."""
        for track in self.spec.tracks:
            if not any(p.rtx_payload_type == header.payload_type for p in track.payloads):
                continue
            span = spans.get(dict(track.extensions).get(Extension.REPAIRED_RID, 0))
            rid = rtp.text(data, span) if span is not None else ""
            for stream in self.streams.values():
                if rid and stream.track is track and stream.rid == rid:
                    if len(self._repairs) < 2 * _MAX_STREAMS:
                        self._repairs[header.ssrc] = stream.ssrc
                    return stream.ssrc
        return None

    def _discover(
        self, data: bytes, header: RtpHeader, spans: dict[int, tuple[int, int]], now: float
    ) -> Stream | None:
        """The stream a new SSRC belongs to: named in the offer, by mid and RID, or by payload
        type."""
        if len(self.streams) >= _MAX_STREAMS or header.ssrc in self._repairs:
            return None
        for feed in self.feeds:
            track = feed.track
            payload = _payload(track, header.payload_type)
            if payload is None or (track.ssrcs and header.ssrc not in track.ssrcs):
                continue
            ids = dict(track.extensions)
            span = spans.get(ids.get(Extension.MID, 0))
            if span is not None and rtp.text(data, span) != track.mid:
                continue
            rid_span = spans.get(ids.get(Extension.RID, 0))
            rid = rtp.text(data, rid_span) if rid_span is not None else ""
            if track.rids and rid not in track.rids:
                continue
            others = [s for s in feed.streams if s.rid == rid and not track.ssrcs]
            if others and not self._beginnings.take(1, now):
                continue  # a stream does not change its SSRC with every packet
            for other in others:
                self._end(other)  # it was begun anew under another SSRC
            video = track.kind is Kind.VIDEO
            state = self._plane.stream(
                self._source, self._keys(), header.ssrc, payload.clock_rate, video=video
            )
            stream = Stream(state, self._plane, track, payload, self.spec.resource_id, rid)
            self.streams[header.ssrc] = stream
            feed.streams.append(stream)
            return stream
        return None

    def _end(self, stream: Stream) -> None:
        self.streams.pop(stream.ssrc, None)
        for feed in self.feeds:
            if stream in feed.streams:
                feed.streams.remove(stream)
        self._plane.end_stream(stream.state)

    def close(self) -> None:
        """Its streams end."""
        for stream in list(self.streams.values()):
            self._end(stream)

    # ── reports ──────────────────────────────────────────────────────────────────────────

    def heard(self, report: Packet, now: float, wall: float) -> bool:
        """Take an RTCP packet; whether a stream has ended by it."""
        if isinstance(report, SenderReport):
            stream = self.streams.get(report.ssrc)
            if stream is not None:
                stream.report, stream.report_at = report, now
                self._offsets.append((now, wall - unix(report.ntp)))
                # The least delayed report comes nearest to the true offset of the two clocks; an
                # old one says nothing of clocks that drift or are set.
                while now - self._offsets[0][0] > _OFFSETS_FOR:
                    self._offsets.popleft()
                self.offset = min(offset for _, offset in self._offsets)
        elif isinstance(report, Bye):
            gone = [self.streams[ssrc] for ssrc in report.ssrcs if ssrc in self.streams]
            for stream in gone:
                self._end(stream)
            return bool(gone)
        return False

    def may_ask(self, stream: Stream, now: float) -> bool:
        """Whether a key frame of the stream may be asked for now."""
        video = stream.track.kind is Kind.VIDEO
        return video and now - stream.keyframe_asked_at >= KEYFRAME_INTERVAL

    def keyframe_request(self, stream: Stream, now: float) -> list[Packet]:
        """Requests of many players become one, and not too often."""
        if not self.may_ask(stream, now):
            return []
        stream.keyframe_asked_at = now
        return [ReceiverReport(self.ssrc), Pli(self.ssrc, stream.ssrc)]

    def retransmission_request(self, stream: Stream, now: float) -> list[Packet]:
        """A NACK for what is missing and due to be asked for."""
        if stream.track.kind is Kind.AUDIO and "nack" not in stream.payload.feedback:
            return []
        missing = stream.to_ask(now)
        if not missing:
            return []
        return [ReceiverReport(self.ssrc), Nack(self.ssrc, stream.ssrc, tuple(missing))]

    def transport_feedback(self) -> list[list[Packet]]:
        """What came since the last call, by transport-wide numbers: compounds, each for itself."""
        if not self._feedback:
            return []
        for number, at in self._plane.take_arrivals(self._source):
            self._arrivals.add(number, at)
        media = next(iter(self.streams), 0)
        made = self._arrivals.take(self.ssrc, media)[-_MAX_FEEDBACKS:]
        return [[ReceiverReport(self.ssrc), each] for each in made]

    def report(self, now: float) -> list[Packet]:
        """How its streams arrive, and what it may send where it does not find out by itself."""
        heard = [s for s in self.streams.values() if s.state.received][:_MAX_REPORTED]
        if not heard:
            return []
        report = ReceiverReport(self.ssrc, tuple(s.block(now) for s in heard))
        if self._feedback:
            return [report]
        return [report, Remb(self.ssrc, PUBLISH_BITRATE, tuple(s.ssrc for s in heard))]

    # ── how it is ────────────────────────────────────────────────────────────────────────

    def decodable(self, now: float) -> bool:
        return any(s.keyed and now - s.state.last_at <= RECENT for s in self.streams.values())

    def silent(self, now: float, seconds: float) -> bool:
        """Whether nothing has come for so long."""
        return all(now - s.state.last_at > seconds for s in self.streams.values())


class Keys:
    """Numbers that are never used again, from 1 on."""

    def __init__(self) -> None:
        self._last = 0

    def __call__(self) -> int:
        self._last += 1
        return self._last


def _payload(track: TrackSpec, payload_type: int) -> PayloadSpec | None:
    return next((p for p in track.payloads if p.payload_type == payload_type), None)
