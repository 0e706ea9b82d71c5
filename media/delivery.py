"""One slot of a player: what is in it, under which numbers it goes out, what has arrived."""

from collections.abc import Callable
from dataclasses import dataclass, field

from media import codecs, rtcp, rtp
from media.allowance import Allowance
from media.feedback import HISTORY
from media.feeds import Feed
from media.plane import LinkState, Plane, SlotState
from media.reception import MAX_GAP, Stream
from media.rewrite import Arrived, Munger, Numbers, again, encapsulate_rtx, perform, read
from media.rtcp import Description, ReportBlock, SenderReport
from media.specs import Codec, Extension, PayloadSpec, SlotSpec, compatible

NTP_UNIX = 2_208_988_800  # seconds from 1900 to 1970
_ARRIVED = 0.5  # of the packets sent: with less, a picture can't be kept up
_GAP = 0.02  # seconds of timestamp between two streams in a row, at least
_REPEAT_AFTER = 0.02  # seconds before one packet is repeated again, on the shortest link
_REPEAT_AT_LATEST = 0.2  # and on the longest
_REPEATED = 512  # numbers remembered for that
_RED_FROM = 0.004  # of the sound's packets lost: from here on it is sent with redundancy
_PLEAS, _PLEAS_AT_ONCE = 0.5, 4.0  # key frames a second that a player may ask for, and at once
_FALL = 0.2  # seconds that a layer too large may still be shown
_PADDING = 255  # bytes of padding in a packet, at most
_RED_FOR = 30.0  # seconds that it stays so after the last loss


def ntp(wall: float) -> int:
    """64-bit NTP time of a Unix time."""
    return int((wall + NTP_UNIX) * (1 << 32))


def unix(stamp: int) -> float:
    """Unix time of a 64-bit NTP time."""
    return stamp / (1 << 32) - NTP_UNIX


def _block(spec: SlotSpec) -> tuple[bytes, int]:
    """The extension block of a slot's packets, and where in it a transport-wide number stands."""
    ids = dict(spec.extensions)
    elements: list[tuple[int, bytes]] = []
    if Extension.MID in ids:
        elements.append((ids[Extension.MID], spec.mid.encode()))
    if Extension.TRANSPORT_CC not in ids:
        return rtp.extension_block(elements), -1
    elements.append((ids[Extension.TRANSPORT_CC], b"\0\0"))
    block = rtp.extension_block(elements)
    element = 1 if rtp.one_byte(elements) else 2  # bytes before each value
    return block, 4 + sum(element + len(value) for _, value in elements) - 2


@dataclass(slots=True)
class Slot:
    """`source` is the feed wanted in the slot, `target` the layer of it that is wanted; what goes
    out is the stream in `munger`, which for video follows the target with its next key frame."""

    spec: SlotSpec
    resource_id: str
    munger: Munger
    rtx_sequence: int
    block: bytes
    source: Feed | None = None
    target: Stream | None = None
    carried: PayloadSpec | None = None  # as the publisher sends it
    payload: PayloadSpec | None = None  # as the player gets it
    pleas: Allowance = field(default_factory=lambda: Allowance(_PLEAS, _PLEAS_AT_ONCE))
    width: int = 0  # pixels at which the page shows it; 0: it did not say
    confirmed: int = -1  # extended highest sequence a receiver report named
    lost: int = 0
    fraction_lost: float = 0.0
    rtt: float | None = None
    _stop_at: float = float("inf")
    _stopped: bool = False
    _lossy_at: float | None = None
    _reports: dict[int, float] = field(default_factory=dict)  # middle 32 bits of NTP → sent at
    _repeated: dict[int, float] = field(default_factory=dict)  # sequence → when, oldest first

    @classmethod
    def make(
        cls,
        plane: Plane,
        link: LinkState,
        spec: SlotSpec,
        resource_id: str,
        first: tuple[int, int, int],
    ) -> "Slot":
        """A slot that begins with the numbers `first`: sequence, timestamp, RTX sequence."""
        block, twcc_at = _block(spec)
        munger = Munger(plane.slot(link, spec.ssrc, block, twcc_at), first[0], first[1])
        return cls(spec, resource_id, munger, first[2], block)

    @property
    def state(self) -> SlotState:
        return self.munger.state

    # ── what is in it ────────────────────────────────────────────────────────────────────

    def put(self, source: Feed | None) -> None:
        """Want `source` in the slot. None: nothing."""
        if source is not self.source:
            self.source = source
            self.target = None

    def aim(self, target: Stream | None, now: float) -> bool:
        """Want this layer of the source; whether anything changes by it. None: none, for now. On
        the way to a smaller layer the larger one is stopped soon, whether or not its key frame has
        come: the line is too weak for it."""
        shown = self._layer(self.munger.stream)
        if target is not self.target:
            self.target = target
            falls = shown is not None and target is not None and target.bitrate < shown.bitrate
            self._stop_at = now + _FALL if falls else float("inf")
            self._stopped = False
            return True
        if now >= self._stop_at and not self._stopped and self.waits_for_key:
            self._stopped = True
            return True
        return False

    def fitting(self, sent: PayloadSpec) -> PayloadSpec | None:
        """The negotiated payload type that can carry `sent`; None if it can't be played. Opus is
        taken out of RED for a player that has no RED."""
        found = next((p for p in self.spec.payloads if compatible(sent, p)), None)
        if found is None and sent.codec is Codec.RED:
            return next((p for p in self.spec.payloads if p.codec is Codec.OPUS), None)
        return found

    @property
    def waits_for_key(self) -> bool:
        return self.target is not None and self.munger.stream != self.target.key

    def takes(self, stream: Stream) -> bool:
        """Whether packets of `stream` may go out here: the target's, and what is shown until it
        can be."""
        if stream is self.target:
            return True
        return (
            self.target is not None
            and self.source is not None
            and not self._stopped
            and stream.key == self.munger.stream
            and stream in self.source.streams
        )

    def plain(self, stream: Stream) -> bool:
        """Whether packets in order need nothing but new numbers."""
        if self.munger.stream != stream.key:
            return self.target is not stream  # then they are not sent at all
        return self.carried is stream.payload and self.payload is not None and not self._unwraps

    @property
    def _unwraps(self) -> bool:
        carried, payload = self.carried, self.payload
        return carried is not None and payload is not None and carried.codec is not payload.codec

    # ── packets ──────────────────────────────────────────────────────────────────────────

    def forward(self, packet: Arrived, stream: Stream) -> bytes | None:
        """The packet as this slot's player gets it, or None when it gets none."""
        munger, state = self.munger, self.munger.state
        if munger.stream == stream.key and packet.extended - state.highest_in > MAX_GAP:
            munger.stop()  # a new beginning: its numbers must not become the slot's
        if munger.stream != stream.key:
            if stream is not self.target or not packet.picture.key_start:
                return None
            if not self._carry(stream.payload, packet.now):
                return None
            munger.switch(stream.key, packet, self._next_timestamp(packet, stream))
        elif self.carried is not stream.payload:
            self._carry(stream.payload, packet.now)
        if self.payload is None:
            return None
        empty = packet.header.payload_end == packet.header.payload_start
        if empty and munger.leave_out(packet):
            return None
        numbers = munger.plan(packet)
        if numbers is None:
            return None
        red = self._red(packet, stream) if state.red_type else b""
        packet = self._unwrapped(packet)
        whole = perform(
            packet, numbers, state.ssrc, state.red_type or state.payload_type, self.block, red
        )
        self._number(whole, packet.now)
        state.packets += 1
        state.octets += packet.header.payload_end - packet.header.payload_start
        state.sent_at = packet.now
        return bytes(whole)

    def _carry(self, sent: PayloadSpec, now: float) -> bool:
        """Find under what payload type `sent` goes out; whether there is one."""
        self.carried, self.payload = sent, self.fitting(sent)
        if self.payload is None:
            return False
        self.state.payload_type = self.payload.payload_type
        self.state.red_type = 0
        self._protect(now)
        return True

    def _unwrapped(self, packet: Arrived) -> Arrived:
        if not self._unwraps:
            return packet
        header = packet.header
        start = codecs.red_primary(packet.data, header.payload_start, header.payload_end)
        return packet._replace(header=header._replace(payload_start=start))

    def _red(self, packet: Arrived, stream: Stream) -> bytes:
        """What stands before the packet in RED: the packet before it, where that is kept."""
        before = stream.plane.kept(stream.state, packet.extended - 1)
        if before is None:
            return codecs.red_before(self.state.payload_type, b"", 0)
        header = rtp.parse(before)
        apart = (packet.header.timestamp - header.timestamp) & 0xFFFFFFFF
        payload = before[header.payload_start : header.payload_end]
        return codecs.red_before(self.state.payload_type, payload, apart)

    def _number(self, whole: bytearray, now: float) -> None:
        """Give the packet the link's next transport-wide number, where that is negotiated."""
        state = self.state
        if state.twcc_at < 0:
            return
        link = state.link
        number = link.sequence
        whole[12 + state.twcc_at : 14 + state.twcc_at] = number.to_bytes(2, "big")
        link.sent_at[number % HISTORY] = now
        link.sent_size[number % HISTORY] = len(whole)
        link.sequence = (number + 1) & 0xFFFF

    def _next_timestamp(self, first: Arrived, stream: Stream) -> int | None:
        """Where a running slot goes on: as much later as the picture was taken later, where both
        streams are layers that said when (SR), else as much later as it came."""
        if not self.munger.started:
            return None
        rate = stream.payload.clock_rate
        least = (self.munger.last_timestamp + int(_GAP * rate)) & 0xFFFFFFFF
        shown = self._layer(self.munger.stream)
        if shown is not None and shown.report is not None and stream.report is not None:
            apart = int((unix(stream.report.ntp) - unix(shown.report.ntp)) * rate)
            since = first.header.timestamp - stream.report.timestamp
            there = shown.report.timestamp + apart + rtp.signed(since)
            mapped = (there + self.state.timestamp_offset) & 0xFFFFFFFF
            if 0 <= rtp.signed(mapped - least) < rate:
                return mapped
        passed = max(_GAP, first.now - self.state.sent_at)
        return (self.munger.last_timestamp + int(passed * rate)) & 0xFFFFFFFF

    def _layer(self, key: int) -> Stream | None:
        """The stream of the source that has this key."""
        streams = self.source.streams if self.source is not None else ()
        return next((s for s in streams if s.key == key), None)

    # ── once more ────────────────────────────────────────────────────────────────────────

    def repeat(
        self, sequence: int, now: float, afford: Callable[[int], bool] = lambda _: True
    ) -> bytes | None:
        """Answer a NACK from the cache, as RTX where it was negotiated. A number is answered once
        in half a round trip, so that no flood of NACKs becomes a larger flood of media; and not
        where the line can't `afford` so many bytes."""
        last = self._repeated.get(sequence)
        pause = min(_REPEAT_AT_LATEST, max(_REPEAT_AFTER, (self.rtt or 0.0) / 2))
        if last is not None and now - last < pause:
            return None
        whole = self._origin_again(sequence, now, afford)
        if whole is None:
            return None
        self._repeated.pop(sequence, None)
        self._repeated[sequence] = now
        if len(self._repeated) > _REPEATED:
            del self._repeated[next(iter(self._repeated))]
        return whole

    def probe(self, now: float) -> bytes | None:
        """The newest packet once more, or else padding, as RTX: something to send when only its
        arrival counts. None where no RTX was negotiated, or nothing has been sent yet."""
        payload, ssrc = self.payload, self.spec.rtx_ssrc
        if ssrc is None or payload is None or payload.rtx_payload_type is None:
            return None
        if not self.munger.started:
            return None
        found = self._origin_again(self.munger.highest & 0xFFFF, now)
        return found or self._padding(ssrc, payload.rtx_payload_type, now)

    def _padding(self, ssrc: int, payload_type: int, now: float) -> bytes:
        """A packet of nothing but padding (RFC 3550, 5.1)."""
        self.rtx_sequence = (self.rtx_sequence + 1) & 0xFFFF
        stamp = self.munger.last_timestamp
        whole = bytearray(
            rtp.header_bytes(False, payload_type, self.rtx_sequence, stamp, ssrc, self.block)
        )
        whole[0] |= 0x20
        whole += bytes(_PADDING - 1) + bytes((_PADDING,))
        self._number(whole, now)
        return bytes(whole)

    def _origin_again(
        self, sequence: int, now: float, afford: Callable[[int], bool] = lambda _: True
    ) -> bytes | None:
        """The packet that went out as `sequence`, where it is still kept. What came before the key
        frame of the stream that is shown now is of no use any more."""
        found = self.munger.origin(sequence)
        if found is None or found[0].stream != self.munger.stream:
            return None
        stream = self._layer(found[0].stream)
        data = stream.plane.kept(stream.state, found[0].extended) if stream else None
        if stream is None or data is None or not afford(len(data)):
            return None
        return self._again(stream, data, found[0].extended, found[1], now)

    def _again(
        self, stream: Stream, data: bytes, extended: int, numbers: Numbers, now: float
    ) -> bytes | None:
        payload, state = self.payload, self.state
        if payload is None:
            return None
        packet = self._unwrapped(read(data, extended, stream.payload.codec, now))
        whole = perform(
            packet, again(numbers, packet), state.ssrc, payload.payload_type, self.block
        )
        if payload.rtx_payload_type is not None and self.spec.rtx_ssrc is not None:
            self.rtx_sequence = (self.rtx_sequence + 1) & 0xFFFF
            whole = encapsulate_rtx(
                whole, self.spec.rtx_ssrc, payload.rtx_payload_type, self.rtx_sequence
            )
        self._number(whole, now)
        return bytes(whole)

    # ── reports ──────────────────────────────────────────────────────────────────────────

    def sender_report(self, now: float, wall: float, offset: float, cname: str) -> bytes | None:
        """An SR that maps this slot's timestamps to our wall clock. `offset` is our wall clock less
        the publisher's, the same for all of its streams, so that lips stay in step."""
        state = self.state
        stream = self._layer(self.munger.stream)
        if stream is None or self.payload is None or not state.packets:
            return None
        rate = stream.payload.clock_rate
        if stream.report is not None:
            taken = unix(stream.report.ntp) + offset
            at = stream.report.timestamp + int((wall - taken) * rate)
        else:
            at = stream.state.last_timestamp + int((now - stream.state.last_at) * rate)
        stamp = ntp(wall)
        self._reports[stamp >> 16 & 0xFFFFFFFF] = now
        while len(self._reports) > 8:
            del self._reports[next(iter(self._reports))]
        at = (at + state.timestamp_offset) & 0xFFFFFFFF
        report = SenderReport(self.spec.ssrc, stamp, at, state.packets, state.octets)
        return rtcp.build((report, Description(self.spec.ssrc, cname)))

    def reported(self, block: ReportBlock, now: float) -> tuple[int, int] | None:
        """Take what the player says of this slot: the outgoing numbers (after, up to) that it has
        got since it last said, or None where nothing, or only a small part of them, arrived."""
        lost_before, self.lost = self.lost, max(0, block.lost)
        self.fraction_lost = block.fraction_lost / 256
        sent_at = self._reports.get(block.last_sr)
        if sent_at is not None:
            self.rtt = max(0.0, now - sent_at - block.delay / 65536)
        self._protect(now)
        if not self.munger.started:
            return None
        highest = rtp.unwrap(block.highest & 0xFFFF, self.munger.highest)
        if highest <= self.confirmed or highest > self.munger.highest:
            return None
        before, self.confirmed = self.confirmed, highest
        if before < 0:
            return before, highest
        arrived = highest - before - (self.lost - lost_before)
        return (before, highest) if arrived >= _ARRIVED * (highest - before) else None

    def _protect(self, now: float) -> None:
        """Send Opus in RED (RFC 2198) to a player that loses some of it and can take it so; and to
        one that has not said yet whether it does."""
        if self.payload is None or self.payload.codec is not Codec.OPUS or self._unwraps:
            return
        if self.fraction_lost >= _RED_FROM or self._lossy_at is None:
            self._lossy_at = now
        red = next((p for p in self.spec.payloads if p.codec is Codec.RED), None)
        wanted = red is not None and now - self._lossy_at < _RED_FOR
        self.state.red_type = red.payload_type if red is not None and wanted else 0
