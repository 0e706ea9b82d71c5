"""Offers as real clients write them, recorded: Chromium and Firefox with three layers and as
players, FFmpeg's WHIP muxer; and who answers them."""

from pathlib import Path

from media.answer import LocalSide
from media.ice import Credentials

_RECORDED = Path(__file__).parent / "recorded"
CHROMIUM_PUBLISH = (_RECORDED / "chromium_publish.sdp").read_text()
CHROMIUM_PLAY = (_RECORDED.parent.parent / "e2e" / "play_offer.sdp").read_text()
FIREFOX_PUBLISH = (_RECORDED / "firefox_publish.sdp").read_text()
FIREFOX_PLAY = (_RECORDED / "firefox_play.sdp").read_text()
FFMPEG_PUBLISH = (_RECORDED / "ffmpeg_publish.sdp").read_text()
PUBLISH = (CHROMIUM_PUBLISH, FIREFOX_PUBLISH, FFMPEG_PUBLISH)
PLAY = (CHROMIUM_PLAY, FIREFOX_PLAY)

LOCAL = LocalSide(
    Credentials("ufrag", "passwordpasswordpassword"),
    ":".join(["AB"] * 32),
    "passive",
    (("192.0.2.1", 5000), ("198.51.100.2", 5000)),
)
