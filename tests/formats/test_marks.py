"""Odd and even weeks, ranges of weeks, broadcast: as people write them beside a lesson."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classroom_sync.formats.marks import Marks, split_marks, written
from scheduler.model import Weeks

ODD, EVEN = Weeks.ODD, Weeks.EVEN


@pytest.mark.parametrize(
    ("text", "marks", "rest"),
    [
        ("音乐（单）", Marks(ODD), "音乐"),
        ("音乐(双周)", Marks(EVEN), "音乐"),
        ("【单周】音乐", Marks(ODD), "音乐"),
        ("单周：音乐", Marks(ODD), "音乐"),
        ("音乐（单，３－１０周）", Marks(ODD, 3, 10), "音乐"),
        ("音乐（3—10周 单周）", Marks(ODD, 3, 10), "音乐"),
        ("第3周至第10周", Marks(None, 3, 10), ""),
        ("3-10周单", Marks(ODD, 3, 10), ""),
        ("音乐（5周起）", Marks(None, 5), "音乐"),
        ("音乐（至8周，直播）", Marks(None, None, 8, False), "音乐"),
        ("Music (odd, weeks 3-10)", Marks(ODD, 3, 10), "Music"),
        ("每周", Marks(Weeks.ALL), ""),
        ("音乐（校本）", Marks(), "音乐(校本)"),
        ("春晖三（1）班", Marks(), "春晖三(1)班"),
        ("单元复习", Marks(), "单元复习"),
    ],
)
def test_marks_are_told_from_names(text: str, marks: Marks, rest: str) -> None:
    assert split_marks(text) == (marks, rest)


@given(
    st.builds(
        Marks,
        st.sampled_from([None, ODD, EVEN]),
        st.none() | st.integers(1, 30),
        st.none() | st.integers(1, 30),
        st.sampled_from([None, True, False]),
    ),
    st.sampled_from(["zh-CN", "en"]),
)
def test_marks_are_read_as_they_were_written(marks: Marks, locale: str) -> None:
    assert split_marks("音乐" + written(marks, locale)) == (marks, "音乐")
