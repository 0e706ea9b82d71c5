"""An ICE restart as a browser does it: its own offer, its own checks, its own judgement."""

from urllib.parse import urljoin

import pytest

from tests.conformance.client import Client
from tests.e2e.running import browser

pytestmark = pytest.mark.browser

_PUBLISH = """async ([url, token]) => {
    const pc = window.pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
    for (const track of stream.getTracks()) {
        pc.addTransceiver(track, { direction: "sendonly", streams: [stream] });
    }
    await pc.setLocalDescription(await pc.createOffer());
    const response = await fetch(url, {
        method: "POST",
        headers: { "Content-Type": "application/sdp", Authorization: `Bearer ${token}` },
        body: pc.localDescription.sdp,
    });
    window.answer = await response.text();
    await pc.setRemoteDescription({ type: "answer", sdp: window.answer });
    return new URL(response.headers.get("Location"), url).href;
}"""

_RESTART = """async ([resource, token]) => {
    const line = (sdp, name) => sdp.match(new RegExp(`^a=${name}:(.*)$`, "m"))[1].trim();
    pc.restartIce();
    await pc.setLocalDescription(await pc.createOffer());
    const offer = pc.localDescription.sdp;
    const media = offer.split("\\r\\n").find((each) => each.startsWith("m="));
    const body = [media, `a=mid:${line(offer, "mid")}`, `a=ice-ufrag:${line(offer, "ice-ufrag")}`,
                  `a=ice-pwd:${line(offer, "ice-pwd")}`, ""].join("\\r\\n");
    const response = await fetch(resource, {
        method: "PATCH",
        headers: { "Content-Type": "application/trickle-ice-sdpfrag", "If-Match": "*",
                   Authorization: `Bearer ${token}` },
        body,
    });
    if (response.status !== 200) throw new Error(await response.text());
    const fragment = await response.text();
    const answer = window.answer
        .replaceAll(/^a=ice-ufrag:.*$/gm, `a=ice-ufrag:${line(fragment, "ice-ufrag")}`)
        .replaceAll(/^a=ice-pwd:.*$/gm, `a=ice-pwd:${line(fragment, "ice-pwd")}`);
    await pc.setRemoteDescription({ type: "answer", sdp: answer });
    return line(fragment, "ice-ufrag");
}"""

#: Whether the selected pair is of the ICE session with this ufrag of the server, and pictures flow.
_FLOWS = """async (ufrag) => {
    const stats = [...(await pc.getStats()).values()];
    const find = (type) => stats.find((s) => s.type === type && (s.kind ?? "video") === "video");
    const transport = stats.find((s) => s.type === "transport");
    const pair = stats.find((s) => s.id === transport.selectedCandidatePairId);
    const remote = pair && stats.find((s) => s.id === pair.remoteCandidateId);
    const frames = find("outbound-rtp")?.framesSent ?? 0;
    const grown = frames > (window.frames ?? frames);
    window.frames = frames;
    return grown && remote?.usernameFragment === ufrag && pc.connectionState === "connected";
}"""


async def test_chromium_restarts_ice_and_sends_on(client: Client) -> None:
    door = client.server.whip
    async with browser() as chromium:
        page = await (await chromium.new_context(permissions=["camera", "microphone"])).new_page()
        await page.goto(urljoin(door.url, "/"))
        resource = await page.evaluate(_PUBLISH, [door.url, door.token])
        client.made.append((resource, door.token))
        await page.wait_for_function("() => pc.connectionState === 'connected'")
        ufrag = await page.evaluate(_RESTART, [resource, door.token])
        await page.wait_for_function(_FLOWS, arg=ufrag, polling=200, timeout=15_000)
