"""Browsers as people know them, from what they say of themselves.

Enough to tell one's own sign-ins apart. User agents have been frozen to a few forms for years, so a
handful of patterns names what people use; a library for the rest would bring a thousand.
"""

import re

#: The first that is found counts: each also calls itself by those below it.
_BROWSERS = (
    (re.compile(r"MicroMessenger/"), "WeChat"),
    (re.compile(r"DingTalk/|DingTalk\("), "DingTalk"),
    (re.compile(r"QQBrowser/"), "QQBrowser"),
    (re.compile(r"Edg(?:e|A|iOS)?/"), "Edge"),
    (re.compile(r"OPR/"), "Opera"),
    (re.compile(r"SamsungBrowser/"), "Samsung Internet"),
    (re.compile(r"(?:Firefox|FxiOS)/"), "Firefox"),
    (re.compile(r"(?:Chromium|HeadlessChrome)/"), "Chromium"),
    (re.compile(r"(?:Chrome|CriOS)/"), "Chrome"),
    (re.compile(r"Version/[\d.]+ .*Safari/"), "Safari"),
    (re.compile(r"Trident/|MSIE "), "Internet Explorer"),
)
_SYSTEMS = (
    (re.compile(r"iPad"), "iPad"),
    (re.compile(r"iPhone|iPod"), "iPhone"),
    (re.compile(r"OpenHarmony|HarmonyOS"), "HarmonyOS"),
    (re.compile(r"Android"), "Android"),
    (re.compile(r"CrOS"), "ChromeOS"),
    (re.compile(r"Windows"), "Windows"),
    (re.compile(r"Macintosh|Mac OS X"), "macOS"),
    (re.compile(r"Linux|X11"), "Linux"),
)


def named(user_agent: str) -> tuple[str, str]:
    """The browser and the system it runs on; "" where they are not known."""
    return _first(_BROWSERS, user_agent), _first(_SYSTEMS, user_agent)


def _first(among: tuple[tuple[re.Pattern[str], str], ...], text: str) -> str:
    return next((name for pattern, name in among if pattern.search(text)), "")
