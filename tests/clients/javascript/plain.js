// WebRTC as it stands, and the fewest lines of WHIP and WHEP around it.

async function post(url, token, body) {
  const headers = { "Content-Type": "application/sdp", Authorization: `Bearer ${token}` };
  for (;;) {
    const response = await fetch(url, { method: "POST", headers, body });
    if (response.status === 201) return response;
    const seconds = Number(response.headers.get("Retry-After"));
    if (response.status !== 409 || !seconds) throw new Error(`${response.status} ${await response.text()}`);
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  }
}

async function exchange(pc, { url, token }, rewrite = (sdp) => sdp) {
  await pc.setLocalDescription(await pc.createOffer());
  const response = await post(url, token, rewrite(pc.localDescription.sdp));
  const resource = new URL(response.headers.get("Location"), url);
  const answer = await response.text();
  await pc.setRemoteDescription({ type: "answer", sdp: answer });
  const stop = async () => {
    await fetch(resource, { method: "DELETE", headers: { Authorization: `Bearer ${token}` } });
    pc.close();
  };
  return { pc, answer, stop };
}

const RSA = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) };

/**
 * @param {{url: string, token: string}} grant
 * @param {{encodings?: RTCRtpEncodingParameters[], video?: MediaTrackConstraints,
 *   audio?: MediaTrackConstraints, codec?: string, rsa?: boolean, setup?: string}} options `setup`: the DTLS role that the offer leaves us
 */
export async function publish(grant, { encodings, video = { width: 640, height: 360 }, audio = true, codec, rsa, setup }) {
  const stream = await navigator.mediaDevices.getUserMedia({ audio, video });
  const pc = new RTCPeerConnection(rsa ? { certificates: [await RTCPeerConnection.generateCertificate(RSA)] } : {});
  for (const track of stream.getTracks()) {
    const sendEncodings = track.kind === "video" ? encodings : undefined;
    const transceiver = pc.addTransceiver(track, { direction: "sendonly", streams: [stream], sendEncodings });
    if (track.kind === "video" && codec) prefer(transceiver, codec);
  }
  return exchange(pc, grant, (sdp) => (setup ? sdp.replaceAll("a=setup:actpass", `a=setup:${setup}`) : sdp));
}

function prefer(transceiver, name) {
  const { codecs } = RTCRtpSender.getCapabilities("video");
  transceiver.setCodecPreferences(codecs.filter((codec) => codec.mimeType === `video/${name}` || codec.mimeType === "video/rtx"));
}

export async function play(grant) {
  const pc = new RTCPeerConnection();
  const stream = new MediaStream();
  pc.ontrack = ({ track }) => stream.addTrack(track);
  const video = globalThis.document?.querySelector("video");
  if (video) video.srcObject = stream;
  pc.addTransceiver("audio", { direction: "recvonly" });
  pc.addTransceiver("video", { direction: "recvonly" });
  return exchange(pc, grant);
}
