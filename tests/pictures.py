"""The pictures of the gallery and the guides: what each shows, and the page that shows them all."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"
IMAGES = DOCS / "images"
GALLERY = DOCS / "gallery.md"
LANGUAGES = ("zh-CN", "en")


@dataclass(frozen=True, slots=True)
class Picture:
    """One page as a reader sees it, in each language."""

    name: str
    zh: str
    en: str

    def file(self, language: str) -> str:
        """Its name in docs/images."""
        return f"{self.name}.{language}.webp"


#: Front door → its pictures, in the order in which a person meets the pages.
PICTURES: dict[str, tuple[Picture, ...]] = {
    "教师 Teacher": (
        Picture("teacher-today", "今天的课", "Today's lessons"),
        Picture("teacher-live", "上课：两间受援校教室", "A live lesson with two receiving rooms"),
    ),
    "教室 Room": (Picture("room-live", "教室大屏", "The classroom's screen"),),
    "管理员 Administrator": (
        Picture("admin-today", "今日：告警、请假调课", "Today: alarms, and who can't come"),
        Picture("admin-patrol", "巡课墙", "The patrol wall"),
        Picture("admin-repair", "改动最小的调课方案", "The least change, proposed"),
        Picture("admin-timetable", "课表", "The timetable"),
        Picture("admin-draft", "修改草稿", "A draft being changed"),
        Picture("admin-calendar", "校历", "The calendar"),
        Picture("admin-needs", "薄弱学科申报", "Declared needs"),
        Picture("admin-import", "导入预览", "What an import would do"),
        Picture("admin-rooms", "教室与配对码", "Rooms and pairing codes"),
    ),
    "教育局 Bureau": (
        Picture("bureau-coverage", "覆盖情况", "Coverage"),
        Picture("bureau-schools", "学校一览", "The schools at a glance"),
        Picture("bureau-behind", "一个数字背后的清单", "The list behind a number"),
        Picture("bureau-link", "在线区间与证据", "Intervals and evidence"),
        Picture("bureau-wall", "大屏", "The wall"),
        Picture("bureau-dark", "深色模式", "On a dark screen"),
    ),
    "手机 Phone": (
        Picture("phone-admin", "手机上的今日页", "Today on a phone"),
        Picture("phone-bureau", "手机上的覆盖情况", "Coverage on a phone"),
    ),
}


def every() -> Iterator[Picture]:
    """All pictures, in order."""
    for some in PICTURES.values():
        yield from some


def gallery() -> str:
    """docs/gallery.md."""
    lines = [
        "# Gallery 界面一览",
        "",
        "The pages in Chinese and English, from the demo city; `make screenshots` takes them",
        "anew and writes this page. 演示城市的页面；`make screenshots` 重新截图并生成本页。",
    ]
    for door, some in PICTURES.items():
        lines += ["", f"## {door}"]
        for picture in some:
            lines += ["", f"{picture.zh} · {picture.en}", ""]
            for language, said in zip(LANGUAGES, (picture.zh, picture.en), strict=True):
                lines.append(
                    f'<img src="images/{picture.file(language)}" width="49%" alt="{said}">'
                )
    return "\n".join(lines) + "\n"
