// @ts-check
// What is wrong with this page's devices and its line, as findings that the others can be told. Touches
// no DOM.

const EVERY = 3000; // ms between looks
const LOSSY = 0.05; // share of packets from which on loss is heard and seen
const ENOUGH = 60; // packets that a share must be of

/**
 * @typedef {{sent: number, lostUp: number, received: number, lostDown: number}} Counts packets, since the start
 * @typedef {{stream: MediaStream | null, silent: boolean, echo: boolean, slow: boolean}} Here
 */

/** @param {RTCPeerConnection | null | undefined} up @param {RTCPeerConnection | null | undefined} down @returns {Promise<Counts>} */
export async function count(up, down) {
  const found = { sent: 0, lostUp: 0, received: 0, lostDown: 0 };
  for (const [, stat] of (await up?.getStats()) ?? []) {
    if (stat.type === "outbound-rtp") found.sent += stat.packetsSent;
    if (stat.type === "remote-inbound-rtp") found.lostUp += stat.packetsLost;
  }
  for (const [, stat] of (await down?.getStats()) ?? []) {
    if (stat.type !== "inbound-rtp") continue;
    found.received += stat.packetsReceived;
    found.lostDown += stat.packetsLost;
  }
  return found;
}

/** @param {number} lost @param {number} of */
const lossy = (lost, of) => of >= ENOUGH && lost / of > LOSSY;

/**
 * @param {Counts} before @param {Counts} now @param {Here} here
 * @returns {string[]} findings, in order
 */
export function judge(before, now, { stream, silent, echo, slow }) {
  const [camera] = stream?.getVideoTracks() ?? [];
  const [microphone] = stream?.getAudioTracks() ?? [];
  const lostDown = now.lostDown - before.lostDown;
  /** @type {Record<string, boolean>} */
  const found = {
    no_camera: Boolean(stream) && (!camera || camera.readyState === "ended"),
    camera_off: Boolean(camera && camera.readyState === "live" && (!camera.enabled || camera.muted)),
    no_microphone: Boolean(stream) && (!microphone || microphone.readyState === "ended"),
    no_sound: Boolean(microphone?.enabled && microphone.readyState === "live" && silent),
    echo,
    loss_up: lossy(now.lostUp - before.lostUp, now.sent - before.sent),
    loss_down: lossy(lostDown, now.received - before.received + lostDown),
    slow,
  };
  return Object.keys(found).filter((name) => found[name]).sort();
}

/**
 * Look every few seconds, and tell what has changed.
 * @param {() => {up: RTCPeerConnection | null | undefined, down: RTCPeerConnection | null | undefined}} lines
 * @param {() => Here} here
 * @param {(findings: string[]) => boolean} tell whether it went out
 */
export function watchQuality(lines, here, tell) {
  let told = "[]";
  /** @type {Counts | null} */ let before = null;
  return setInterval(async () => {
    const { up, down } = lines();
    const now = await count(up, down);
    const fresh = before && now.sent >= before.sent && now.received >= before.received; // else: reconnected
    const findings = judge(fresh && before ? before : now, now, here());
    before = now;
    if (JSON.stringify(findings) !== told && tell(findings)) told = JSON.stringify(findings);
  }, EVERY);
}
