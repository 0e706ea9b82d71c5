"""The gallery and the guides show pictures that there are, in both languages, and stay small."""

import re
from pathlib import Path

import pytest

from tests.pictures import DOCS, GALLERY, IMAGES, LANGUAGES, every, gallery

_MOST = 3_000_000  # bytes of pictures
_GUIDES = sorted((DOCS / "guide").glob("*.md"))


def test_the_gallery_is_as_the_script_writes_it() -> None:
    assert GALLERY.read_text(encoding="utf-8") == gallery()


def test_every_picture_is_there_and_none_is_left_over() -> None:
    known = {picture.file(language) for picture in every() for language in LANGUAGES}
    assert {file.name for file in IMAGES.iterdir()} == known
    assert sum(file.stat().st_size for file in IMAGES.iterdir()) < _MOST


def test_each_audience_has_its_guide_in_both_languages() -> None:
    audiences = ("admin", "bureau", "room", "teacher")
    names = [name for who in audiences for name in (f"{who}.md", f"{who}.zh.md")]
    assert [guide.name for guide in _GUIDES] == names


@pytest.mark.parametrize("guide", _GUIDES, ids=lambda guide: guide.name)
def test_what_a_guide_points_at_is_there_and_in_its_language(guide: Path) -> None:
    text = guide.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert (guide.parent / target).exists(), target
    own, other = LANGUAGES if guide.name.endswith(".zh.md") else LANGUAGES[::-1]
    assert f".{own}.webp" in text
    assert f".{other}.webp" not in text
