// One face for every client: `publish`, `play`, `report` and `stop`, whatever it runs in.
// A client's module exports publish(grant, options) and play(grant); each resolves to
// {pc | packets, stop}: its RTCPeerConnection, or a function that counts its packets by kind, and how
// its own users end it.

const own = globalThis.fetch;
const requests = []; // what the client asked of the server, in order

globalThis.fetch = async (resource, options = {}) => {
  const asked = { method: options.method ?? "GET", url: String(resource), headers: Object.fromEntries(new Headers(options.headers)) };
  requests.push(asked);
  const response = await own(resource, options);
  asked.status = response.status;
  const location = response.headers.get("Location");
  if (location) asked.location = new URL(location, String(resource)).href;
  return response;
};

/** @param {RTCPeerConnection} pc */
async function streams(pc) {
  const found = [];
  for (const each of (await pc.getStats()).values()) {
    if (each.type === "inbound-rtp" || each.type === "outbound-rtp") found.push({ ...each });
  }
  return found;
}

export class Harness {
  constructor(module) {
    this.module = module;
    this.client = undefined;
  }

  async publish(grant, options = {}) {
    this.client = await this.module.publish(grant, options);
  }

  async play(grant) {
    this.client = await this.module.play(grant);
  }

  /** The requests so far, and what was sent or received: packets by kind, or the connection's own
   * statistics of each stream, with the milliseconds since 1970 at which they were read. */
  async report() {
    const { pc, packets } = this.client;
    if (packets) return { requests, packets: packets() };
    return { requests, at: Date.now(), state: pc.connectionState, streams: await streams(pc) };
  }

  /** Begin to keep a report every so many milliseconds; `recorded` gives what was kept so far. */
  async record(milliseconds) {
    this.kept = [];
    setInterval(async () => this.kept.push(await this.report()), milliseconds);
  }

  async recorded() {
    return this.kept.map(({ at, streams }) => ({ at, streams }));
  }

  async stop() {
    const tracks = this.client.pc?.getSenders().map((sender) => sender.track) ?? [];
    await this.client.stop();
    for (const track of tracks) track?.stop(); // the camera is not left running
    return { requests };
  }
}
