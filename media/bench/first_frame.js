// @ts-check
// What a page does to publish and to play, with a clock. Evaluated by first_frame.py in a page whose
// origin may use cameras; touches nothing but one <video> of its own.

/** @typedef {{url: string, token: string}} Endpoint */

/**
 * POST the offer of `pc` and take the answer; the resource's URL.
 * @param {RTCPeerConnection} pc
 * @param {Endpoint} endpoint
 * @param {() => void} answered told when the answer is there
 */
async function negotiate(pc, endpoint, answered) {
  const response = await fetch(endpoint.url, {
    method: "POST",
    headers: { "Content-Type": "application/sdp", Authorization: `Bearer ${endpoint.token}` },
    body: pc.localDescription?.sdp,
  });
  const sdp = await response.text();
  if (response.status !== 201) throw new Error(`POST ${endpoint.url}: ${response.status} ${sdp}`);
  answered();
  await pc.setRemoteDescription({ type: "answer", sdp });
  return new URL(response.headers.get("Location") ?? "", response.url).href;
}

/**
 * Publish camera and microphone for as long as the page lives; resolves when connected.
 * @param {Endpoint} endpoint
 */
async function publish(endpoint) {
  const constraints = { audio: true, video: { width: 640, height: 360, frameRate: 30 } };
  const stream = await navigator.mediaDevices.getUserMedia(constraints);
  const pc = new RTCPeerConnection();
  for (const track of stream.getTracks()) pc.addTransceiver(track, { direction: "sendonly" });
  await pc.setLocalDescription();
  const connected = new Promise((resolve) => {
    pc.onconnectionstatechange = () => pc.connectionState === "connected" && resolve(null);
  });
  await negotiate(pc, endpoint, () => undefined);
  await connected;
}

/**
 * Play once; milliseconds from the POST to each step.
 * @param {Endpoint} endpoint
 * @returns {Promise<Record<string, number>>}
 */
async function play(endpoint) {
  /** @type {Record<string, number>} */
  const steps = {};
  const pc = new RTCPeerConnection();
  const video = document.body.appendChild(document.createElement("video"));
  video.muted = video.autoplay = true;
  pc.addTransceiver("audio", { direction: "recvonly" });
  const receiver = pc.addTransceiver("video", { direction: "recvonly" }).receiver;
  await pc.setLocalDescription();
  const began = performance.now();
  const mark = (/** @type {string} */ step) => {
    steps[step] ??= performance.now() - began;
  };
  const shown = new Promise((resolve) => video.requestVideoFrameCallback(resolve));
  pc.ontrack = ({ track }) => {
    if (track.kind === "video") video.srcObject = new MediaStream([track]);
  };
  pc.oniceconnectionstatechange = () => {
    if (pc.iceConnectionState === "connected") mark("ice");
  };
  const resource = await negotiate(pc, endpoint, () => mark("answered"));
  const dtls = /** @type {RTCDtlsTransport} */ (receiver.transport);
  dtls.onstatechange = () => dtls.state === "connected" && mark("dtls");
  const polling = setInterval(async () => {
    for (const report of (await receiver.getStats()).values()) {
      if (report.type === "inbound-rtp" && report.packetsReceived > 0) mark("packet");
    }
  }, 10);
  await shown;
  mark("frame");
  clearInterval(polling);
  if (steps.packet === undefined) steps.packet = steps.frame; // it came between two looks
  pc.close();
  video.remove();
  const headers = { Authorization: `Bearer ${endpoint.token}` };
  await fetch(resource, { method: "DELETE", headers });
  return steps;
}
