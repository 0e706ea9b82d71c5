"""The API tried by its own description, with every role: schemathesis makes up requests that are
right and wrong, and looks whether each answer is one that /api/openapi.json tells of."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from classroom_sync.permissions import Role
from tests.http.conftest import Site, pair_room, sign_in
from tests.http.test_every_route import VISITORS
from tests.http.test_sessions import _cookie

_EXAMPLES = os.environ.get("SCHEMATHESIS_EXAMPLES", "2")  # requests to an operation
_CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
)
_ENDLESS = "watch_solver"  # a stream
_VISITORS = ("nobody", "bureau", "admin", "far-admin", "lead", "observer", "room")


@pytest.mark.parametrize("visitor", _VISITORS)
async def test_every_answer_is_one_that_the_description_tells_of(
    site: Site, tmp_path: Path, visitor: str
) -> None:
    role, name = VISITORS[visitor]
    headers = []
    async with site.browser() as browser:
        if role is not None:
            if role is Role.ROOM:
                csrf = await pair_room(site, browser, name, "EEEE6666")
            else:
                csrf = await sign_in(browser, name)
            headers = [f"Cookie: session={_cookie(browser).value}", f"X-CSRF-Token: {csrf}"]
        await _tried(site, tmp_path, headers)


async def _tried(site: Site, folder: Path, headers: list[str]) -> None:
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{site.url}/api/openapi.json"]
    command += ["--phases", "fuzzing", "--max-examples", _EXAMPLES, "--checks", ",".join(_CHECKS)]
    command += ["--seed", "7", "--no-shrink", "--suppress-health-check", "all"]
    command += ["--request-timeout", "30", "--warnings", "off", "--no-color"]
    command += ["--exclude-operation-id", _ENDLESS]
    for each in headers:
        command += ["--header", each]
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, said.decode()
