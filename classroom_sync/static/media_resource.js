// @ts-check
// What WHIP and WHEP have in common: POST an offer, keep the resource, reconnect when it is lost.
// Touches no DOM.

const FIRST_PAUSE = 300; // ms before the first reconnection; doubled up to LAST_PAUSE
const LAST_PAUSE = 5000;
const DISCONNECTED_FOR = 1500; // ms that "disconnected" may last before the connection is given up

/** An error with the HTTP status that caused it. */
export class MediaRefused extends Error {
  /** @param {number} status @param {string} detail @param {number} retryAfter seconds */
  constructor(status, detail, retryAfter) {
    super(detail);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

/**
 * One direction of a page's media. Events: "connected", "lost" (it reconnects by itself),
 * "refused" (detail: MediaRefused), "track" (detail: RTCTrackEvent).
 */
export class MediaResource extends EventTarget {
  /**
   * @param {() => Promise<{url: string, token: string, ice_servers?: RTCIceServer[]}>} grant
   *   where to POST, the token, and the STUN and TURN servers to use
   * @param {(pc: RTCPeerConnection) => void} prepare adds transceivers to a fresh connection
   */
  constructor(grant, prepare) {
    super();
    this.grant = grant;
    this.prepare = prepare;
    /** @type {RTCPeerConnection | null} */ this.pc = null;
    this.location = "";
    this.token = "";
    this.stopped = true;
    this.pause = FIRST_PAUSE;
    this.attempt = 0;
    /** @type {ReturnType<typeof setTimeout> | undefined} */ this.timer = undefined;
  }

  /** What the server calls this connection; "" while there is none. */
  get id() {
    return this.location.slice(this.location.lastIndexOf("/") + 1);
  }

  start() {
    if (!this.stopped) return;
    this.stopped = false;
    this.#connect();
  }

  /** Rejoin now, on a fresh connection: the session moved to another node. */
  restart() {
    if (this.stopped) return;
    this.pause = FIRST_PAUSE;
    this.#connect();
  }

  /**
   * Leave; the server is told, also while the page is being closed.
   * @param {boolean} tell false where the server has ended it already
   */
  stop(tell = true) {
    this.stopped = true;
    clearTimeout(this.timer);
    this.#close(tell);
  }

  /** @param {boolean} tell */
  #close(tell) {
    this.attempt += 1;
    if (this.pc) {
      this.pc.close();
      this.pc = null;
    }
    if (tell && this.location) {
      fetch(this.location, { method: "DELETE", headers: { Authorization: `Bearer ${this.token}` }, keepalive: true }).catch(() => {});
    }
    this.location = "";
  }

  async #connect() {
    clearTimeout(this.timer);
    this.#close(false);
    const attempt = this.attempt;
    try {
      const { url, token, ice_servers: iceServers = [] } = await this.grant();
      const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle", iceServers });
      if (attempt !== this.attempt) return pc.close();
      this.pc = pc;
      this.token = token;
      this.prepare(pc);
      pc.ontrack = (event) => this.dispatchEvent(new CustomEvent("track", { detail: event }));
      pc.onconnectionstatechange = () => this.#changed(pc);
      await pc.setLocalDescription(await pc.createOffer());
      const answer = await this.#post(url, token, pc.localDescription?.sdp ?? "");
      if (attempt !== this.attempt) return pc.close();
      await pc.setRemoteDescription({ type: "answer", sdp: answer });
    } catch (error) {
      if (attempt !== this.attempt) return;
      if (error instanceof MediaRefused) this.dispatchEvent(new CustomEvent("refused", { detail: error }));
      this.#again(error instanceof MediaRefused ? error.retryAfter * 1000 : 0);
    }
  }

  /** @param {string} url @param {string} token @param {string} sdp */
  async #post(url, token, sdp) {
    const response = await fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/sdp", Authorization: `Bearer ${token}`, Prefer: "wait=20" },
      body: sdp,
    });
    if (response.status !== 201) {
      const detail = await response.json().then((body) => body.detail, () => response.statusText);
      throw new MediaRefused(response.status, detail, Number(response.headers.get("Retry-After") ?? 0));
    }
    this.location = new URL(response.headers.get("Location") ?? "", new URL(url, location.href)).href;
    return response.text();
  }

  /** @param {RTCPeerConnection} pc */
  #changed(pc) {
    if (pc !== this.pc) return;
    clearTimeout(this.timer);
    if (pc.connectionState === "connected") {
      this.pause = FIRST_PAUSE;
      this.dispatchEvent(new Event("connected"));
    } else if (pc.connectionState === "disconnected") {
      this.timer = setTimeout(() => this.#lost(), DISCONNECTED_FOR);
    } else if (pc.connectionState === "failed" || pc.connectionState === "closed") {
      this.#lost();
    }
  }

  #lost() {
    this.dispatchEvent(new Event("lost"));
    this.#again(0);
  }

  /** @param {number} least ms */
  #again(least) {
    if (this.stopped) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#connect(), Math.max(least, this.pause));
    this.pause = Math.min(this.pause * 2, LAST_PAUSE);
  }
}
