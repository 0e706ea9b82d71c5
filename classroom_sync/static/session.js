// @ts-check
// A page's link to its session: state in, wishes out; and the media tokens for it. Touches no DOM.

const AGAIN = 1000; // ms before the WebSocket is opened again
const SIGNED_OUT = 4401; // close code: this browser was signed out, or its pairing revoked

/**
 * @typedef {{id: string, role: string, room: string, school: string, class: string, teacher: string,
 *   publishing: string[], watching: boolean, hand: boolean, help: boolean, muted: boolean,
 *   heads: [number, number] | null, listen_only: boolean, off: string[], push_to_talk: boolean,
 *   findings: string[]}} Participant
 * @typedef {{item: string | null, since: string | null, turns: number, notes: number, plan_version: number}} Meeting
 * @typedef {{id: string, question: string, options: number, state: "open" | "closed",
 *   counts: number[], answers: Record<string, number[]>}} Poll
 * @typedef {{id: string, participant: string, text: string, at: string}} Said
 * @typedef {{mid: string, kind: "audio" | "video", participant: string | null, stream: string | null, dark: boolean}} Slot
 * @typedef {{type: "state", session: string, state: string, node: string | null, starts_at: string,
 *   ends_at: string, floor: string | null, hands: string[], participants: Participant[],
 *   recording: boolean, recording_rooms: boolean, recording_trouble: string | null, replaced: string[],
 *   observers: number, observed_by?: {role: string, school: string}[], meeting: Meeting | null,
 *   worksheet: string | null, poll: Poll | null,
 *   you: string | null, slots: Slot[], layers: Record<string, string[]>}} State
 */

/** Events: "state" (detail: State), "said" (detail: Said[]), "refused" (detail: string), "offline", "online". */
export class SessionLink extends EventTarget {
  /** @param {string} session @param {string} csrf @param {string} visit of an observer */
  constructor(session, csrf, visit = "") {
    super();
    this.query = visit && `?visit=${visit}`;
    this.session = session;
    this.csrf = csrf;
    /** @type {WebSocket | null} */ this.socket = null;
    /** @type {State | null} */ this.state = null;
    this.closed = false;
    this.#open();
  }

  #open() {
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/sessions/${this.session}${this.query}`);
    this.socket = socket;
    socket.onopen = () => this.dispatchEvent(new Event("online"));
    socket.onmessage = (event) => {
      const message = JSON.parse(event.data);
      if (message.type === "state") {
        this.state = message;
        this.dispatchEvent(new CustomEvent("state", { detail: message }));
      } else if (message.type === "said") {
        this.dispatchEvent(new CustomEvent("said", { detail: message.messages }));
      } else if (message.type === "refused") {
        this.dispatchEvent(new CustomEvent("refused", { detail: message.detail }));
      }
    };
    socket.onclose = (event) => {
      if (this.closed) return;
      if (event.code === SIGNED_OUT) return location.assign("/");
      this.dispatchEvent(new Event("offline"));
      setTimeout(() => this.#open(), AGAIN);
    };
  }

  /** @param {Record<string, unknown>} wish such as {do: "hand"} @returns {boolean} whether it went out */
  send(wish) {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(wish));
    return true;
  }

  close() {
    this.closed = true;
    this.socket?.close();
  }

  /**
   * A grant for one direction, fresh each time it is asked for; while none can be had (the database is
   * away), the last one, which is good for the whole lesson.
   * @param {"publish" | "subscribe"} direction @param {"camera" | "screen"} stream
   */
  grant(direction, stream = "camera") {
    /** @type {any} */ let last = null;
    return async () => {
      const response = await fetch(`/api/v1/sessions/${this.session}/tokens`, {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-CSRF-Token": this.csrf },
        body: JSON.stringify({ direction, stream }),
      }).catch(() => null);
      if (response?.ok) last = await response.json();
      else if (!last || (response && response.status < 500)) throw new Error((await response?.json())?.detail ?? "");
      return last;
    };
  }
}
