"""The figures of an acceptance test in words: what they are, how they are written, what to do."""

from collections.abc import Callable

from scheduler.acceptance import UNITS, Figure, Judged, Source, Verdict

Translate = Callable[[str], str]

_SENTENCES = {
    "camera_lines": "Camera resolution",
    "camera_rate": "Camera frame rate",
    "microphone_level": "Microphone level, someone speaking",
    "noise_floor": "Noise floor",
    "echo_delay": "Echo delay, loudspeaker to microphone",
    "echo_return_loss": "Echo return loss",
    "throughput_up": "Throughput up",
    "throughput_down": "Throughput down",
    "media_share": "Time with picture and sound both ways",
    "round_trip": "Round trip to the media node",
    "delay": "One-way delay of a lesson",
    "jitter": "Jitter",
    "loss_up": "Packets lost on the way up",
    "loss_down": "Packets lost on the way down",
    "reconnect": "Reconnection after a cut",
    "camera_lines mend": (
        "Choose a camera, or the camera setting, with more lines; see that the USB port is "
        "a fast one."
    ),
    "camera_rate mend": (
        "Give the camera more light, close programs that use it, and plug it into a port of"
        " its own."
    ),
    "microphone_level mend": (
        "Turn the microphone up in the system's settings, or place it nearer to who speaks;"
        " somebody must speak during the test."
    ),
    "noise_floor mend": (
        "Turn fans and projectors down, shut the windows, and keep the microphone away from them."
    ),
    "echo_delay mend": (
        "The sound comes back late or was not heard at all: see that the loudspeakers are "
        "on, and use a wired connection instead of Bluetooth or the television's own "
        "processing."
    ),
    "echo_return_loss mend": (
        "The microphone hears the loudspeakers too well, or not at all: see that they are "
        "on, turn them down, or move the microphone away."
    ),
    "throughput_up mend": (
        "The line is too slow upwards: close other programs, use a cable instead of Wi-Fi, "
        "and ask the provider for a faster line."
    ),
    "throughput_down mend": (
        "The line is too slow downwards: close other programs, use a cable instead of Wi-"
        "Fi, and ask the provider for a faster line."
    ),
    "media_share mend": (
        "Picture or sound did not get through all the time: let UDP out through the "
        "firewall, and use a cable instead of Wi-Fi."
    ),
    "round_trip mend": (
        "The way to the server is long: use a cable, and ask the provider for a shorter route."
    ),
    "delay mend": (
        "Picture and sound arrive late: use a cable instead of Wi-Fi, and close programs "
        "that fill the line."
    ),
    "jitter mend": (
        "Packets arrive unevenly: use a cable instead of Wi-Fi, and close programs that "
        "fill the line."
    ),
    "loss_up mend": (
        "Packets are lost on the way up: use a cable instead of Wi-Fi, and have the cabling"
        " checked."
    ),
    "loss_down mend": (
        "Packets are lost on the way down: use a cable instead of Wi-Fi, and have the "
        "cabling checked."
    ),
    "reconnect mend": (
        "After a cut it takes too long until the picture is back: let UDP out through the "
        "firewall, and look for a proxy in between."
    ),
    "pass": "good",
    "limit": "at its limit",
    "fail": "not enough",
    "browser": "room's browser",
    "node": "media node",
    "server": "server",
}


def name(figure: Figure, translate: Translate) -> str:
    return translate(_SENTENCES[figure.value])


def mend(figure: Figure, translate: Translate) -> str:
    """What to do where a figure is not good."""
    return translate(_SENTENCES[f"{figure.value} mend"])


def verdict(of: Verdict, translate: Translate) -> str:
    return translate(_SENTENCES[of.value])


def source(of: Source, translate: Translate) -> str:
    """Who measured."""
    return translate(_SENTENCES[of.value])


def value_of(judged: Judged) -> str:
    """ "24.9 fps"; "—" for what could not be measured."""
    unit = UNITS[judged.figure]
    return "—" if judged.value is None else f"{judged.value:.{unit.digits}f} {unit.symbol}"


def asked_of(judged: Judged) -> str:
    """ "≤ 200 (400) ms": what is good, and in brackets the limit where it is another."""
    unit, band = UNITS[judged.figure], judged.band
    limit = "" if band.limit == band.good else f" ({band.limit:g})"
    return f"{'≥' if unit.more_is_better else '≤'} {band.good:g}{limit} {unit.symbol}"
