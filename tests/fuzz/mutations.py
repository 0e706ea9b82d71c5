"""Hostile inputs as Hypothesis draws them: valid ones, bent where parsers trust what they read."""

from hypothesis import strategies as st

_EXTREMES = [0, 1, 2, 0x7F, 0x80, 0xFF, 0x100, 0x1FFF, 0x7FFF, 0x8000, 0xBFFF, 0xFFFE, 0xFFFF]


@st.composite
def hostile(draw: st.DrawFn, seeds: list[bytes], largest: int) -> bytes:
    """A seed with up to six changes: bytes replaced, inserted, cut, doubled, and 16-bit fields (of
    lengths, counts and types) that lie; or noise."""
    data = bytearray(draw(st.one_of(st.sampled_from(seeds), st.binary(max_size=200))))
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(data)))
        end = min(len(data), at + draw(st.integers(0, 40)))
        match draw(st.sampled_from(["replace", "insert", "cut", "end", "double", "lie", "join"])):
            case "replace":
                data[at:end] = draw(st.binary(min_size=end - at, max_size=end - at))
            case "insert":
                data[at:at] = draw(st.binary(max_size=40))
            case "cut":
                del data[at:end]
            case "end":
                del data[at:]
            case "double":
                data[at:at] = data[at:end] * draw(st.integers(1, 60))
            case "lie":
                data[at : at + 2] = draw(st.sampled_from(_EXTREMES)).to_bytes(2, "big")
            case "join":
                data[at:] = draw(st.sampled_from(seeds))
    return bytes(data[:largest])
