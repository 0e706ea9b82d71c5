"""tus-js-client, the protocol's own, uploads lessons: in two sittings, taken back, refused."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from db import pushes
from tests.clients.harness import HERE, NODE
from tests.http import conftest as http
from tests.http.conftest import Site, sign_in
from tests.uploads.files import video
from tests.worlds import HUB

pytestmark = pytest.mark.browser  # for its packages are installed with those of the browsers

_TIME = 60.0

site = http.site


async def _upload(site: Site, file: Path, **more: object) -> dict[str, Any]:
    async with site.browser() as browser:
        csrf = await sign_in(browser, "lead")
        [cookie] = [f"{c.key}={c.value}" for c in browser.cookie_jar if c.key == "session"]
    options = {
        "endpoint": f"{site.url}/uploads",
        "file": str(file),
        "headers": {"Cookie": cookie, "X-CSRF-Token": csrf, "Accept-Language": "en"},
        "metadata": {"filename": "第1课.mp4", "kind": "lesson", "subject": "music"},
        "storage": str(file.with_suffix(".json")),
        "chunk": 20_000,
        **more,
    }
    process = await asyncio.create_subprocess_exec(
        NODE,
        "javascript/upload.js",
        json.dumps(options),
        stdout=asyncio.subprocess.PIPE,
        cwd=HERE,
    )
    async with asyncio.timeout(_TIME):
        said, _ = await process.communicate()
    found: dict[str, Any] = json.loads(said)
    return found


async def _listed(site: Site) -> list[str]:
    async with site.pool.connection() as connection:
        return [i.title for i in await pushes.items(connection, teacher_id=f"{HUB}-T1")]


@pytest.fixture
def lesson(tmp_path: Path) -> Path:
    path = tmp_path / "lesson.mp4"
    path.write_bytes(video(8))
    assert path.stat().st_size > 40_000, "it takes several chunks"
    return path


async def test_a_lesson_is_uploaded_in_two_sittings(site: Site, lesson: Path) -> None:
    first = await _upload(site, lesson, stop=True)
    assert (first["outcome"], first["requests"]) == ("stopped", [["POST", 201], ["PATCH", 204]])
    assert await _listed(site) == []
    second = await _upload(site, lesson)
    assert second["outcome"] == "done"
    assert second["requests"][0] == ["HEAD", 200]
    assert {tuple(r) for r in second["requests"][1:]} == {("PATCH", 204)}
    assert await _listed(site) == ["第1课.mp4"]
    [stored] = site.uploads.iterdir()
    assert stored.read_bytes() == lesson.read_bytes()


async def test_an_upload_is_taken_back(site: Site, lesson: Path) -> None:
    found = await _upload(site, lesson, terminate=True)
    assert found["outcome"] == "terminated"
    assert found["requests"][-1] == ["DELETE", 204]
    assert list(site.uploads.iterdir()) == []


async def test_what_is_wrong_reaches_the_client_as_a_sentence(
    site: Site,
    lesson: Path,
) -> None:
    lesson.write_bytes(lesson.read_bytes()[:-5000])
    found = await _upload(site, lesson)
    assert found["outcome"] == "refused"
    assert json.loads(found["said"])["detail"].startswith("The file is cut off")
    assert await _listed(site) == []
