// werift: WebRTC written in TypeScript. It decodes nothing; packets are counted.

import { RTCPeerConnection, useOPUS, useVP8 } from "werift";

export async function play({ url, token }) {
  const pc = new RTCPeerConnection({ iceServers: [], codecs: { audio: [useOPUS()], video: [useVP8()] } });
  const received = { video: 0, audio: 0 };
  for (const kind of ["audio", "video"]) {
    const transceiver = pc.addTransceiver(kind, { direction: "recvonly" });
    transceiver.onTrack.subscribe((track) => track.onReceiveRtp.subscribe(() => (received[kind] += 1)));
  }
  await pc.setLocalDescription(await pc.createOffer());
  const headers = { "Content-Type": "application/sdp", Authorization: `Bearer ${token}` };
  const response = await fetch(url, { method: "POST", headers, body: pc.localDescription.sdp });
  if (response.status !== 201) throw new Error(`${response.status} ${await response.text()}`);
  const resource = new URL(response.headers.get("Location"), url);
  await pc.setRemoteDescription({ type: "answer", sdp: await response.text() });
  const stop = async () => {
    await fetch(resource, { method: "DELETE", headers: { Authorization: `Bearer ${token}` } });
    await pc.close();
  };
  return { packets: () => received, stop };
}
