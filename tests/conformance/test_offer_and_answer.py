"""POST of an offer (RFC 9725, 4.2 and 4.4; WHEP draft, "Playback Session Set Up")."""

import re

import pytest
from aiortc.sdp import SessionDescription

from tests.conformance.client import SDP, Client, Reply, attributes, is_problem, media, values
from tests.conformance.peers import Peer, new_connection, play_offer, publish_offer
from tests.media import offers

BROWSERS = [
    pytest.param(offers.CHROMIUM_PUBLISH, id="chromium"),
    pytest.param(offers.FIREFOX_PUBLISH, id="firefox"),
    pytest.param(offers.FFMPEG_PUBLISH, id="ffmpeg"),
]
PLAYERS = [
    pytest.param(offers.CHROMIUM_PLAY, id="chromium"),
    pytest.param(offers.FIREFOX_PLAY, id="firefox"),
]


async def published(client: Client, offer: str = offers.CHROMIUM_PUBLISH) -> Reply:
    reply = await client.post(client.server.whip, offer)
    assert reply.status == 201, reply.text
    return reply


async def played(client: Client, offer: str = offers.CHROMIUM_PLAY) -> Reply:
    reply = await client.post(client.server.whep, offer)
    assert reply.status == 201, reply.text
    return reply


def answers_every_m_line(reply: Reply, offer: str, direction: str) -> None:
    offered, answered = media(offer), media(reply.text)
    assert [m.split()[0] for m in answered] == [m.split()[0] for m in offered]
    assert [values(m, "mid") for m in answered] == [values(m, "mid") for m in offered]
    for m in answered:
        assert (direction, "") in attributes(m)
        assert ("rtcp-mux", "") in attributes(m)
    assert f"BUNDLE {' '.join(values(offer, 'mid'))}" in values(reply.text, "group")
    assert len(SessionDescription.parse(reply.text).media) == len(offered)


@pytest.mark.parametrize("offer", BROWSERS)
async def test_a_whip_offer_is_answered_recvonly_in_one_bundle(client: Client, offer: str) -> None:
    reply = await published(client, offer)
    assert reply.content_type == SDP
    answers_every_m_line(reply, offer, "recvonly")


@pytest.mark.parametrize("offer", PLAYERS)
async def test_a_whep_offer_is_answered_sendonly_in_one_bundle(
    client: Client, hub: Peer, offer: str
) -> None:
    reply = await played(client, offer)
    assert reply.content_type == SDP
    answers_every_m_line(reply, offer, "sendonly")


async def test_a_sendrecv_offer_is_answered_in_the_one_direction_too(
    client: Client, hub: Peer
) -> None:
    offer = offers.CHROMIUM_PLAY.replace("a=recvonly", "a=sendrecv")
    answers_every_m_line(await played(client, offer), offer, "sendonly")


@pytest.mark.parametrize("offer", BROWSERS)
async def test_the_dtls_role_is_decided_and_fits_the_offer(client: Client, offer: str) -> None:
    roles = set(values((await published(client, offer)).text, "setup"))
    assert roles == ({"active"} if "a=setup:passive" in offer else {"passive"})


async def test_a_client_that_can_only_be_active_is_answered_passive(client: Client) -> None:
    offer = offers.CHROMIUM_PUBLISH.replace("setup:actpass", "setup:active")
    assert set(values((await published(client, offer)).text, "setup")) == {"passive"}


async def test_every_candidate_is_in_the_answer(client: Client) -> None:
    """RFC 9725, 4.3.2: the server can't trickle. An ICE-lite server says that it is one."""
    reply = await published(client)
    first = media(reply.text)[0]
    candidates = values(first, "candidate")
    assert candidates
    for candidate in candidates:
        _foundation, component, transport, _priority, _host, port, typ, kind, *_ = candidate.split()
        assert (component, transport.lower(), typ) == ("1", "udp", "typ") or transport == "tcp"
        assert kind in ("host", "srflx", "relay")
        assert 0 < int(port) < 65536
    assert ("end-of-candidates", "") in attributes(first)
    assert len(values(first, "ice-ufrag")[0]) >= 4
    assert len(values(first, "ice-pwd")[0]) >= 22
    assert ("ice-lite", "") in attributes(reply.text)


async def test_the_answer_has_one_fingerprint_that_every_client_can_check(client: Client) -> None:
    for m in media((await published(client)).text):
        (fingerprint,) = values(m, "fingerprint")
        assert re.fullmatch(r"(?i)sha-256 ([0-9a-f]{2}:){31}[0-9a-f]{2}", fingerprint)


@pytest.mark.parametrize("offer", BROWSERS)
async def test_payload_types_are_those_of_the_offer(client: Client, offer: str) -> None:
    reply = await published(client, offer)
    for offered, answered in zip(media(offer), media(reply.text), strict=True):
        ours = dict(line.split(" ", 1) for line in values(answered, "rtpmap"))
        theirs = dict(line.split(" ", 1) for line in values(offered, "rtpmap"))
        assert ours.items() <= {k: v.removesuffix("/1") for k, v in theirs.items()}.items()
        formats = answered.split("\n", 1)[0].split()[3:]
        assert set(formats) == set(ours)


@pytest.mark.parametrize(
    "offer", [offers.CHROMIUM_PUBLISH, offers.FIREFOX_PUBLISH], ids=["chromium", "firefox"]
)
async def test_three_layers_are_taken_where_three_are_offered(client: Client, offer: str) -> None:
    video = media((await published(client, offer)).text)[1]
    (offered,) = values(offer, "simulcast")
    assert values(video, "simulcast") == [offered.replace("send", "recv")]
    assert values(video, "rid") == [rid.replace("send", "recv") for rid in values(offer, "rid")]


async def test_feedback_and_extensions_are_only_what_was_offered(client: Client) -> None:
    offer = offers.CHROMIUM_PUBLISH
    for offered, answered in zip(media(offer), media((await published(client)).text), strict=True):
        for name in ("rtcp-fb", "extmap", "fmtp"):
            assert set(values(answered, name)) <= set(values(offered, name))


async def test_a_plain_player_is_given_one_sound_and_one_picture(client: Client, hub: Peer) -> None:
    reply = await played(client)
    sent = [m for m in media(reply.text) if m.split()[1] != "0"]
    assert [m.split()[0] for m in sent] == ["m=audio", "m=video"]
    streams = {values(m, "msid")[0].split()[0] for m in sent}
    assert len(streams) == 1  # RFC 9725, 4.4.2: a single MediaStream


@pytest.mark.parametrize("body", ["", "hello", "v=0", b"v=0\r\nm=\xff", "v=0\r\nm=audio\r\n"])
@pytest.mark.parametrize("face", ["whip", "whep"])
async def test_a_malformed_offer_is_400(
    client: Client, hub: Peer, face: str, body: str | bytes
) -> None:
    reply = await client.post(getattr(client.server, face), body)
    assert reply.status == 400
    is_problem(reply)


@pytest.mark.parametrize("content_type", ["text/plain", "application/json", "application/sdpx"])
@pytest.mark.parametrize("face", ["whip", "whep"])
async def test_another_content_type_is_415(client: Client, face: str, content_type: str) -> None:
    door, offer = getattr(client.server, face), offers.CHROMIUM_PLAY
    reply = await client.post(door, offer, {"Content-Type": content_type})
    assert reply.status == 415
    assert reply.headers["Accept-Post"] == SDP


async def test_parameters_of_the_content_type_do_not_matter(client: Client) -> None:
    headers = {"Content-Type": "Application/SDP; charset=utf-8"}
    reply = await client.post(client.server.whip, offers.CHROMIUM_PUBLISH, headers)
    assert reply.status == 201


@pytest.mark.parametrize(
    "offer",
    [
        pytest.param(offers.CHROMIUM_PLAY, id="it would receive"),
        pytest.param(offers.FFMPEG_PUBLISH.replace("opus/", "x/"), id="no usable audio codec"),
        pytest.param(offers.FFMPEG_PUBLISH.replace("H264/", "x/"), id="no usable video codec"),
        pytest.param(offers.FFMPEG_PUBLISH.replace("a=group:BUNDLE", "a=x:"), id="no BUNDLE"),
        pytest.param(offers.FFMPEG_PUBLISH.replace("a=rtcp-mux", "a=x"), id="no rtcp-mux"),
        pytest.param(
            offers.FFMPEG_PUBLISH.replace("BUNDLE 0 1", "BUNDLE 0 1 2")
            + offers.FFMPEG_PUBLISH[offers.FFMPEG_PUBLISH.index("m=video") :].replace(
                "a=mid:1", "a=mid:2"
            ),
            id="two pictures",
        ),
    ],
)
async def test_an_offer_that_cannot_be_served_whole_is_refused_whole(
    client: Client, offer: str
) -> None:
    """RFC 9725, 4.4.2 and 4.4.3: 422 (or 400), and why."""
    reply = await client.post(client.server.whip, offer)
    assert reply.status in (400, 422)
    assert len(is_problem(reply)["detail"]) > 10


async def test_a_post_is_answered_here_or_where_307_leads(client: Client) -> None:
    """RFC 9725, 4.5: `Client.post` follows 307 and nothing else."""
    connection = new_connection()
    try:
        reply = await client.post(client.server.whip, publish_offer(connection))
        assert reply.status == 201
        assert reply.resource.startswith(("http://", "https://"))
    finally:
        connection.close()


async def test_two_players_have_resources_of_their_own(client: Client, hub: Peer) -> None:
    connection = new_connection()
    try:
        one, two = [await played(client, play_offer(connection)) for _ in range(2)]
    finally:
        connection.close()
    assert one.resource != two.resource
    assert one.etag != two.etag
    assert values(one.text, "ice-ufrag") != values(two.text, "ice-ufrag")
