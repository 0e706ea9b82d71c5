import { WebRTCPlayer } from "@eyevinn/webrtc-player";
import { WHIPClient } from "@eyevinn/whip-web-client";

export async function publish({ url, token }) {
  const client = new WHIPClient({ endpoint: url, opts: { authkey: token, iceServers: [] } });
  await client.setIceServersFromEndpoint();
  await client.ingest(await navigator.mediaDevices.getUserMedia({ audio: true, video: true }));
  return { pc: client.peer, stop: () => client.destroy() };
}

export async function play({ url, token }) {
  const player = new WebRTCPlayer({ video: document.querySelector("video"), type: "whep", iceServers: [] });
  await player.load(new URL(url), `Bearer ${token}`);
  return { pc: player.peer, stop: () => player.unload() };
}
