"""What several modules record with."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from media.recording.news import News
from media.recording.recorder import Recorder
from tests.media.stages import NODE


@pytest.fixture
def news() -> list[News]:
    return []


@pytest.fixture
async def recorder(tmp_path: Path, news: list[News]) -> AsyncIterator[Recorder]:
    made = Recorder(tmp_path, NODE, news.append, floor=0)
    yield made
    await made.close()
