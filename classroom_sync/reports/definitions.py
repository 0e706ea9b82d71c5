"""What the sixteen indicators mean, in Chinese and English, by DOMAIN's numbers.

Every output prints from here: the page, the sheet of definitions, the paper. Formulas are DOMAIN's
(Indicators); thresholds are those of the rules that a report carries.
"""

from collections.abc import Iterator

from classroom_sync.reports.sixteen import INDICATORS, ROOMS
from classroom_sync.reports.words import IndicatorDefinition, MeasureDefinition, Text, share
from scheduler.attendance import AttendanceRules

_BY_NUMBER = {each.number: each for each in INDICATORS}


_ROOMS_OF_CUT = share(
    "accepted",
    "建设完成率",
    "Rooms accepted",
    ("已验收课堂", "accepted rooms"),
    ("全部课堂", "all rooms"),
    ROOMS,
)
_TARGET = "target_"


def _target_measure(slug: str) -> MeasureDefinition:
    """Indicator 1 against the target of one deadline: "target_2020-12-31"."""
    deadline = slug.removeprefix(_TARGET)
    return share(
        slug,
        f"建设完成率（{deadline} 目标）",
        f"Rooms against the target of {deadline}",
        (f"{deadline} 前验收的课堂", f"rooms accepted by {deadline}"),
        ("建设目标", "target of the phase"),
        ROOMS,
    )


def indicator(number: int) -> IndicatorDefinition:
    """The definition of one of the sixteen. Raises KeyError."""
    return _BY_NUMBER[number]


def measure(number: int, slug: str) -> MeasureDefinition:
    """The definition of a measure. Raises KeyError."""
    if number == 1:
        return _target_measure(slug) if slug.startswith(_TARGET) else _ROOMS_OF_CUT
    found = {each.slug: each for each in _BY_NUMBER[number].measures}
    return found[slug]


def thresholds(rules: AttendanceRules) -> Iterator[Text]:
    """One sentence on each threshold that the figures of a report rest on."""
    valid, partial = f"{rules.valid_share:.0%}", f"{rules.partial_share:.0%}"
    gap, cut = f"{rules.merge_gap.total_seconds():g}", f"{rules.interruption.total_seconds():g}"
    yield Text(
        f"有效课时：教室在线且画面可解码的时间不少于计划时长的 {valid}，人数已清点，"
        "互动课堂的受援班级至少发言一次。",
        f"A link is valid with its room there, with decodable media, for at least {valid} of the "
        "planned minutes, a head count, and, if interactive, the floor at least once.",
    )
    yield Text(
        f"部分到课：在线时间不少于计划时长的 {partial}；再少即为缺课。",
        f"It is partial from {partial} of the planned minutes on, and absent below.",
    )
    yield Text(
        f"短于 {gap} 秒的间断不计，仍算在线。",
        f"A gap shorter than {gap} seconds is still presence.",
    )
    yield Text(
        f"超过 {cut} 秒的间断记为一次中断。",
        f"A gap longer than {cut} seconds is an interruption.",
    )
