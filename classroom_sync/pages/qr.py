"""QR codes as SVG, for screens that have a camera and no keyboard."""

import segno
from markupsafe import Markup

_SCALE = 4  # pixels a module


def qr(text: str) -> Markup:
    """The QR code of a text (ISO/IEC 18004, level M), dark on light in either colour scheme."""
    made = segno.make_qr(text, error="m")
    drawn = made.svg_inline(scale=_SCALE, dark="#000", light="#fff", svgclass="qr", lineclass=None)
    return Markup(drawn)  # noqa: S704 - segno draws paths; no part of the text is in them
