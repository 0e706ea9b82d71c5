// node-datachannel: libdatachannel, which encodes and decodes nothing. What it publishes are RTP
// packets that another program encodes; what it plays is counted.

import { createSocket } from "node:dgram";
import datachannel from "node-datachannel";

const VIDEO = { payloadType: 96, ssrc: 42 };
const AUDIO = { payloadType: 111, ssrc: 43 };

function video(direction) {
  const media = new datachannel.Video("video", direction);
  media.addVP8Codec(VIDEO.payloadType);
  return media;
}

function audio(direction) {
  const media = new datachannel.Audio("audio", direction);
  media.addOpusCodec(AUDIO.payloadType);
  return media;
}

function described(pc) {
  return new Promise((resolve) => {
    pc.onGatheringStateChange((state) => state === "complete" && resolve(pc.localDescription().sdp));
    pc.setLocalDescription("offer");
  });
}

async function exchange(pc, { url, token }) {
  const headers = { "Content-Type": "application/sdp", Authorization: `Bearer ${token}` };
  const response = await fetch(url, { method: "POST", headers, body: await described(pc) });
  if (response.status !== 201) throw new Error(`${response.status} ${await response.text()}`);
  pc.setRemoteDescription(await response.text(), "answer");
  const resource = new URL(response.headers.get("Location"), url);
  return async () => {
    await fetch(resource, { method: "DELETE", headers: { Authorization: `Bearer ${token}` } });
    pc.close();
  };
}

/** @param {{url: string, token: string}} grant @param {{videoPort: number, audioPort: number}} ports that RTP comes to */
export async function publish(grant, { videoPort, audioPort }) {
  const pc = new datachannel.PeerConnection("publisher", { iceServers: [] });
  const sent = { video: 0, audio: 0 };
  for (const [kind, port, media, { ssrc }] of [["audio", audioPort, audio("SendOnly"), AUDIO], ["video", videoPort, video("SendOnly"), VIDEO]]) {
    media.addSSRC(ssrc, "datachannel", "stream", kind);
    const track = pc.addTrack(media);
    const socket = createSocket("udp4").bind(port, "127.0.0.1");
    socket.on("message", (packet) => {
      if (!track.isOpen()) return;
      packet.writeUInt32BE(ssrc, 8);
      if (track.sendMessageBinary(packet)) sent[kind] += 1;
    });
  }
  return { packets: () => sent, stop: await exchange(pc, grant) };
}

export async function play(grant) {
  const pc = new datachannel.PeerConnection("player", { iceServers: [] });
  const received = { video: 0, audio: 0 };
  const tracks = [pc.addTrack(audio("RecvOnly")), pc.addTrack(video("RecvOnly"))];
  for (const track of tracks) {
    const kind = track.type();
    track.onMessage(() => (received[kind] += 1));
  }
  return { tracks, packets: () => received, stop: await exchange(pc, grant) };
}
