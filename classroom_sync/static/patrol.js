// @ts-check
// The patrol wall: each lesson's pictures in one connection without sound, at the lowest layer; only
// while they are on the screen. The server's list is followed, and nobody is kept signed in by it.

import { call } from "./api.js";
import { show } from "./page.js";
import { SessionLink } from "./session.js";
import { player, streams } from "./whep.js";

/** @typedef {import("./session.js").State} State */

const EVERY = 5000; // ms between looks at the list
const PICTURES = 4; // the main picture, and three rooms
const SMALLEST = 1; // pixels: the lowest layer covers it
const wall = /** @type {HTMLElement} */ (document.getElementById("patrol"));
const stale = /** @type {HTMLElement} */ (document.getElementById("stale"));
const { csrf = "" } = wall.dataset;

/** One lesson's pictures. */
class Look {
  /** @param {string} session */
  constructor(session) {
    this.session = session;
    this.visit = "";
    this.told = ""; // the slots whose size the server knows
    this.node = /** @type {string | null} */ (null);
    this.link = /** @type {SessionLink | null} */ (null);
    this.watch = player(() => this.#grant(), PICTURES, 0);
    this.slots = streams(this.watch);
    this.watch.addEventListener("track", () => this.#draw());
    this.watch.addEventListener("connected", () => {
      this.told = "";
      this.#draw();
    });
    this.watch.start();
  }

  async #grant() {
    const given = await call("POST", `/api/v1/sessions/${this.session}/visits`, csrf);
    if (given.visit !== this.visit) {
      this.link?.close();
      this.visit = given.visit;
      this.link = new SessionLink(this.session, csrf, given.visit);
      this.link.addEventListener("state", () => this.#draw());
    }
    return given;
  }

  #draw() {
    const state = /** @type {State | null} */ (this.link?.state ?? null);
    const card = cardOf(this.session);
    if (!state || !card) return;
    if (this.node !== null && state.node !== this.node) this.watch.restart();
    this.node = state.node;
    const found = state.slots.filter((slot) => slot.kind === "video" && slot.participant);
    const [main, ...others] = found;
    const picture = /** @type {HTMLVideoElement} */ (card.querySelector("video"));
    show(picture, main ? this.slots.get(main.mid) ?? null : null);
    const overlay = /** @type {HTMLElement} */ (card.querySelector(".overlay"));
    overlay.textContent = !main ? wall.dataset.waiting ?? "" : main.dark ? wall.dataset.dark ?? "" : "";
    const strip = /** @type {HTMLElement} */ (card.querySelector(".strip"));
    while (strip.children.length > others.length) strip.lastElementChild?.remove();
    others.forEach((slot, at) => {
      const video = /** @type {HTMLVideoElement} */ (strip.children[at] ?? strip.appendChild(document.createElement("video")));
      video.muted = video.autoplay = video.playsInline = true;
      show(video, this.slots.get(slot.mid) ?? null);
    });
    const mids = found.map((slot) => slot.mid).join();
    if (mids !== this.told) this.link?.send({ do: "sizes", sizes: Object.fromEntries(found.map((slot) => [slot.mid, SMALLEST])) });
    this.told = mids;
  }

  /** Draw anew: the card may be another one. */
  redraw() {
    this.#draw();
  }

  close() {
    this.watch.stop();
    this.link?.close();
  }
}

/** @type {Map<string, Look>} */
const looks = new Map();

/** @param {string} session @returns {HTMLElement | null} */
const cardOf = (session) => wall.querySelector(`[data-session="${session}"]`);

const seen = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    const { session = "" } = /** @type {HTMLElement} */ (target).dataset;
    if (!session || !target.isConnected) continue;
    if (isIntersecting && !looks.has(session)) looks.set(session, new Look(session));
    else if (!isIntersecting) leave(session);
  }
}, { rootMargin: "100px" });

/** @param {string} session */
function leave(session) {
  looks.get(session)?.close();
  looks.delete(session);
}

function cards() {
  return /** @type {HTMLElement[]} */ ([...wall.querySelectorAll("[data-session]")]);
}

/** Take over the server's list: cards that stay keep their pictures. @param {string} text */
function follow(text) {
  const fresh = new DOMParser().parseFromString(text, "text/html").body;
  const is = /** @type {HTMLElement[]} */ ([...fresh.querySelectorAll("[data-session]")]);
  const order = (/** @type {HTMLElement[]} */ some) => some.map((card) => card.dataset.session).join();
  if (order(is) === order(cards())) {
    for (const card of is) {
      const old = cardOf(card.dataset.session ?? "");
      const [was, now] = [old, card].map((each) => each?.querySelector(".about"));
      if (old && was && now && was.innerHTML !== now.innerHTML) was.replaceWith(now);
      if (old) old.className = card.className;
    }
    return;
  }
  seen.disconnect();
  const on = new Set(is.map((card) => card.dataset.session));
  for (const session of [...looks.keys()]) if (!on.has(session)) leave(session);
  wall.replaceChildren(...fresh.childNodes);
  for (const look of looks.values()) look.redraw();
  for (const card of cards()) seen.observe(card);
}

async function refresh() {
  try {
    const answer = await fetch(wall.dataset.from ?? "", { headers: { "X-Unattended": "1", Accept: "text/html" } });
    stale.hidden = answer.ok;
    if (answer.ok) follow(await answer.text());
  } catch {
    stale.hidden = false;
  }
}

for (const card of cards()) seen.observe(card);
setInterval(refresh, EVERY);
window.addEventListener("pagehide", () => [...looks.keys()].forEach(leave));
