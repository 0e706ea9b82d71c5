// @ts-check
// The receiving rooms as tiles of the lead's page: picture, who is there, what is wrong, what can be done.

import { element, fill, show, texts } from "./page.js";
import { tile as keepLarge } from "./tiling.js";

/** @typedef {import("./session.js").State} State */
/** @typedef {import("./session.js").Participant} Participant */

const BELOW = 0; // pixels under a picture: everything lies on it

/** What is wrong at somebody's place, in words. @param {Participant} person @param {boolean} dark @returns {string} */
export function causes(person, dark) {
  const found = person.findings.map((name) => texts[`finding_${name}`]).filter(Boolean);
  if (dark) found.unshift(texts.dark);
  return found.join(" · ");
}

/** @param {Participant} person */
export const isHere = (person) => person.publishing.length > 0 || (person.listen_only && person.watching);

export class RoomTiles {
  /**
   * @param {import("./session.js").SessionLink} link
   * @param {(mid: string, video: HTMLVideoElement) => void} shownIn
   */
  constructor(link, shownIn) {
    this.link = link;
    this.shownIn = shownIn;
    /** @type {Map<string, MediaStream>} */ this.slots = new Map();
    /** @type {Map<string, HTMLElement>} */ this.tiles = new Map();
    /** @type {string | null} */ this.enlarged = null;
    keepLarge(element("tiles"), BELOW);
  }

  /** @param {State} state */
  draw(state) {
    for (const person of state.participants.filter((p) => p.role === "receiving")) {
      let tile = this.tiles.get(person.id);
      if (!tile) {
        tile = this.#make(person);
        this.tiles.set(person.id, tile);
        element("tiles").append(tile);
      }
      this.#draw(tile, person, state);
    }
  }

  /** The picture that matters most now: enlarged, else of the floor, else the first. @param {State} state */
  chief(state) {
    const tile = this.tiles.get(this.enlarged ?? state.floor ?? "") ?? [...this.tiles.values()].find((each) => !each.classList.contains("absent"));
    return tile?.querySelector("video") ?? null;
  }

  /** @param {Participant} person */
  #make({ id }) {
    const template = /** @type {HTMLTemplateElement} */ (element("tile"));
    const tile = /** @type {HTMLElement} */ (template.content.firstElementChild?.cloneNode(true));
    const now = () => this.link.state?.participants.find((p) => p.id === id);
    const on = (/** @type {string} */ selector, /** @type {() => void} */ act) => tile.querySelector(selector)?.addEventListener("click", act);
    tile.dataset.participant = id;
    on("button.floor", () => this.link.send({ do: "floor", participant: this.link.state?.floor === id ? null : id }));
    on("button.mute", () => this.link.send({ do: "mute", participant: id, muted: !now()?.muted }));
    on("button.talk", () => this.link.send({ do: "push_to_talk", participant: id, on: !now()?.push_to_talk }));
    on("button.helped", () => this.link.send({ do: "end_help", participant: id }));
    on("button.enlarge", () => {
      this.enlarged = this.enlarged === id ? null : id;
      if (this.link.state) this.draw(this.link.state);
    });
    return tile;
  }

  /** @param {HTMLElement} tile @param {Participant} person @param {State} state */
  #draw(tile, person, state) {
    const find = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (tile.querySelector(selector));
    const slot = state.slots.find((s) => s.kind === "video" && s.participant === person.id);
    const video = /** @type {HTMLVideoElement} */ (find("video"));
    show(video, slot ? this.slots.get(slot.mid) ?? null : null);
    if (slot) this.shownIn(slot.mid, video);
    const here = isHere(person);
    const floor = state.floor === person.id;
    const name = `${person.school} ${person.class}`;
    tile.classList.toggle("dark", Boolean(slot?.dark));
    tile.classList.toggle("floor", floor);
    tile.classList.toggle("hand", person.hand);
    tile.classList.toggle("absent", !here);
    tile.classList.toggle("spot", this.enlarged === person.id);
    element("tiles").classList.toggle("spotlight", this.enlarged !== null);
    find(".dot").className = `dot ${here ? "on" : ""}`;
    find(".name").textContent = here ? name : `${name} · ${texts.notHere}`;
    find(".heads").textContent = person.heads ? fill(texts.heads, { expected: person.heads[0], present: person.heads[1] }) : "";
    find(".handsign").toggleAttribute("hidden", !person.hand);
    const wrong = here ? causes(person, Boolean(slot?.dark)) : "";
    if (find(".cause").textContent !== wrong) find(".cause").textContent = wrong;
    find(".cause").hidden = !wrong;
    find(".helpline").hidden = !person.help;
    find("button.floor").textContent = floor ? texts.takeFloor : texts.giveFloor;
    find("button.mute").textContent = person.muted ? texts.unmute : texts.mute;
    find("button.talk").textContent = person.push_to_talk ? texts.openMicrophone : texts.pushToTalk;
    find("button.talk").hidden = person.listen_only || !(person.push_to_talk || person.findings.includes("echo") || this.enlarged === person.id);
    find("button.enlarge").setAttribute("aria-pressed", String(this.enlarged === person.id));
    for (const button of tile.querySelectorAll("button")) button.setAttribute("aria-label", `${button.textContent?.trim()}: ${name}`);
  }
}
