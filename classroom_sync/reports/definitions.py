"""What the sixteen indicators mean, in Chinese and English, by DOMAIN's numbers.

Every output prints from here: the page, the sheet of definitions, the paper. Formulas are DOMAIN's
(Indicators); thresholds are those of the rules that a report carries.
"""

from collections.abc import Iterator
from functools import lru_cache

from classroom_sync.reports.sixteen import INDICATORS, ROOMS
from classroom_sync.reports.words import IndicatorDefinition, MeasureDefinition, Text, share
from scheduler.attendance import AttendanceRules
from scheduler.indicators.values import IndicatorRules

_BY_NUMBER = {each.number: each for each in INDICATORS}
_MEASURES = {(each.number, m.slug): m for each in INDICATORS for m in each.measures}


_ROOMS_OF_CUT = share(
    "accepted",
    "建设完成率",
    "Rooms accepted",
    ("已验收课堂", "accepted rooms"),
    ("全部课堂", "all rooms"),
    ROOMS,
)
_TARGET = "target_"


@lru_cache(maxsize=64)
def _target_measure(slug: str) -> MeasureDefinition:
    """Indicator 1 against the target of one deadline: "target_2020-12-31"."""
    deadline = slug.removeprefix(_TARGET)
    return share(
        slug,
        f"{deadline} 建设目标",
        f"Target of {deadline}",
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
    return _MEASURES[number, slug]


def thresholds(rules: AttendanceRules, choices: IndicatorRules) -> Iterator[Text]:
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
    days = rules.makeup_school_days
    yield Text(
        f"时长不足或未开的课须在 {days} 个教学日内补上；补课只计一次，计在原课上。",
        f"A lesson too short or not held is to be made up within {days} school days; it counts "
        "once, as the lesson it makes up for.",
    )
    yield Text(
        "主校的直播课堂计入建设目标。"
        if choices.hub_rooms_count
        else "主校的直播课堂不计入建设目标。",
        f"Rooms of hub schools {'count' if choices.hub_rooms_count else 'do not count'} toward the "
        "targets.",
    )
    links, regular = choices.regular_links, f"{choices.regular_share:.0%}"
    yield Text(
        f"一周内有效链路不少于 {links} 条即为常态化周；常态化周不少于教学周的 {regular} "
        "即为常态化学校。",
        f"A school's week is one of normal use from {links} valid link(s) on; a school is regular "
        f"from {regular} of its teaching weeks on.",
    )
    delay, loss = f"{choices.delay_limit_ms:g}", f"{choices.loss_limit:.0%}"
    yield Text(
        f"质量限值（第 95 百分位）：单向时延 {delay} 毫秒，丢包 {loss}。",
        f"Limits of quality, at the 95th percentile: {delay} ms one way, {loss} of packets lost.",
    )
    watched = f"{choices.watched_share:.0%}"
    yield Text(
        f"推送的录像播放满 {watched} 即为看完；每次推送按推送时的标准判定。",
        f"What is pushed is watched from {watched} of the recording on; each push is judged by the "
        "share that held when it was sent.",
    )
    yield Text(
        "学校、班级、教师、课堂的名称以统计期末（截止时间更早的，以截止时）的登记为准；"
        "年级以上课当日的登记为准；在校人数、教师数以期末的登记为准，期内停办、毕业或离任的计入。",
        "Schools, classes, teachers and rooms are named as the registers had them at the end of "
        "the period, or at the cut-off if that is earlier. A lesson counts for the grade that its "
        "class had on its day. Enrolment and numbers of teachers are those of the end of the "
        "period, with the schools, classes and teachers that left during it.",
    )
    yield Text(
        "登记信息的更改，自更改所在学期（假期中更改的，自下一学期）首日起生效；此前各学期的数字不变。",
        "What is changed in a register holds from the first day of the term it is entered in "
        "(between terms: of the next one); figures of earlier terms stay.",
    )
