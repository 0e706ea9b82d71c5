"""STUN and TURN servers as configured, with credentials that coturn accepts."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime
from pathlib import Path

import pytest

from classroom_sync.ice_servers import IceServer, ice_servers, link_headers
from classroom_sync.settings import BadSettings, load

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
TURN = "turns:turn.example.cn:443?transport=tcp"


def test_turn_credentials_are_an_expiry_and_its_hmac() -> None:
    settings = load(ice_servers=f"stun:stun.example.cn {TURN}", turn_secret="north wind")
    stun, turn = ice_servers(settings, "room-7", NOW)
    assert stun == IceServer("stun:stun.example.cn")
    expiry, _, name = turn.username.partition(":")
    assert (turn.url, name) == (TURN, "room-7")
    assert int(expiry) == NOW.timestamp() + 2 * 3600
    digest = hmac.new(b"north wind", turn.username.encode(), hashlib.sha1).digest()
    assert base64.b64decode(turn.credential) == digest


def test_link_headers_are_those_of_the_rfc() -> None:
    servers = (IceServer("stun:a.example"), IceServer("turn:b.example?transport=udp", "u", "c="))
    assert link_headers(servers) == [
        '<stun:a.example>; rel="ice-server"',
        '<turn:b.example?transport=udp>; rel="ice-server"; username="u"; credential="c="; '
        'credential-type="password"',
    ]


def test_servers_come_from_a_variable_or_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('ice_servers = ["stun:a.example", "stun:b.example:3478"]\n')
    monkeypatch.setenv("CLASSROOM_SYNC_CONFIG", str(file))
    assert load().ice_servers == ("stun:a.example", "stun:b.example:3478")
    monkeypatch.setenv("CLASSROOM_SYNC_ICE_SERVERS", "stun:c.example, stun:[2001:db8::1]:3478")
    assert load().ice_servers == ("stun:c.example", "stun:[2001:db8::1]:3478")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"ice_servers": "http://a.example"}, "stun:, turn: or turns:"),
        ({"ice_servers": 'stun:a">;rel=x'}, "stun:, turn: or turns:"),
        ({"ice_servers": "turn:a.example"}, "turn-secret is needed"),
        ({"node_url": "ftp://a.example"}, "node-url"),
    ],
)
def test_servers_that_cannot_be_used_are_said(flags: dict[str, str], said: str) -> None:
    with pytest.raises(BadSettings, match=said):
        load(**flags)


def test_the_secret_is_not_in_what_is_logged() -> None:
    assert "north wind" not in repr(load(turn_secret="north wind"))
