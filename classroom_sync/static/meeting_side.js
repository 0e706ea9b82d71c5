// @ts-check
// Beside a meeting: the agenda with its minutes, who is there, notes and decisions.

import { call } from "./api.js";
import { element, fill, passing, texts } from "./page.js";

/** @typedef {import("./session.js").State} State */
/** @typedef {import("./session.js").Participant} Participant */
/** @typedef {{id: string, title: string, minutes: number | null}} Item */
/** @typedef {{id: string, kind: string, text: string, item: string | null, author: string}} Note */
/** @typedef {{agenda: Item[], turns: {item: string | null, at: string}[], notes: Note[]}} Meeting */

/** @param {string} name @param {string} text @param {string} [of] its class */
function made(name, text, of) {
  const found = document.createElement(name);
  found.textContent = text;
  if (of) found.className = of;
  return found;
}

export class MeetingSide {
  /** @param {import("./session.js").SessionLink} link @param {boolean} chairs */
  constructor(link, chairs) {
    this.link = link;
    this.chairs = chairs;
    this.path = `/api/v1/meetings/${link.session}`;
    this.known = "";
    /** @type {Meeting | null} */ this.meeting = null;
    for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (document.querySelectorAll("[data-panel]"))) {
      button.addEventListener("click", () => this.#open(button));
    }
    document.getElementById("nextitem")?.addEventListener("click", () => this.#next());
    element("note").addEventListener("submit", (event) => this.#write(/** @type {SubmitEvent} */ (event)));
    setInterval(() => this.#drawAgenda(), 1000);
  }

  /** @param {HTMLButtonElement} chosen */
  #open(chosen) {
    for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (document.querySelectorAll("[data-panel]"))) {
      const open = button === chosen;
      button.setAttribute("aria-pressed", String(open));
      element(button.dataset.panel ?? "").hidden = !open;
    }
    element("live").classList.toggle("writing", chosen.dataset.panel === "planpanel");
  }

  /** @param {State} state */
  draw(state) {
    this.#drawPeople(state);
    const { turns, notes, plan_version: version } = state.meeting ?? { turns: 0, notes: 0, plan_version: 0 };
    document.dispatchEvent(new CustomEvent("planversion", { detail: version }));
    const now = `${turns}/${notes}/${state.participants.length}`;
    if (now === this.known) return;
    this.known = now;
    this.#read();
  }

  async #read() {
    try {
      this.meeting = await call("GET", this.path, this.link.csrf);
    } catch (error) {
      this.known = ""; // asked again at the next change
      return passing(error instanceof Error ? error.message : String(error));
    }
    this.#drawAgenda();
    this.#drawNotes();
  }

  #present() {
    return this.meeting?.turns.at(-1)?.item ?? null;
  }

  /** Seconds for which an item was under discussion up to now. @param {string} item */
  #spent(item) {
    const turns = this.meeting?.turns ?? [];
    return turns.reduce((sum, turn, n) => {
      if (turn.item !== item) return sum;
      const until = n + 1 < turns.length ? Date.parse(turns[n + 1].at) : Date.now();
      return sum + Math.max(0, until - Date.parse(turn.at)) / 1000;
    }, 0);
  }

  #drawAgenda() {
    if (!this.meeting) return;
    const { agenda } = this.meeting;
    const list = element("agenda");
    if (list.dataset.items !== agenda.map((item) => item.id + item.title).join()) {
      list.dataset.items = agenda.map((item) => item.id + item.title).join();
      list.replaceChildren(...agenda.map((item) => this.#line(item)));
      const choice = element("noteitem");
      for (const old of [...choice.children].slice(1)) old.remove();
      choice.append(...agenda.map((item) => new Option(item.title, item.id)));
    }
    element("noagenda").hidden = agenda.length > 0;
    const next = document.getElementById("nextitem");
    if (next) next.hidden = agenda.length === 0;
    agenda.forEach((item, n) => {
      const line = /** @type {HTMLElement} */ (list.children[n]);
      const on = item.id === this.#present();
      if (on) line.setAttribute("aria-current", "step");
      else line.removeAttribute("aria-current");
      const seconds = this.#spent(item.id);
      const says = [];
      if (item.minutes) says.push(fill(texts.planned, { minutes: item.minutes }));
      if (seconds) says.push(fill(texts.spent, { minutes: (seconds / 60).toFixed(1) }));
      /** @type {HTMLElement} */ (line.querySelector(".times")).textContent = says.join(" · ");
      line.classList.toggle("late", Boolean(item.minutes && seconds > item.minutes * 60));
      const button = /** @type {HTMLElement | null} */ (line.querySelector("button"));
      if (button) button.hidden = on;
    });
  }

  /** @param {Item} item */
  #line(item) {
    const line = document.createElement("li");
    line.append(made("span", item.title, "what"), " ", made("span", "", "times muted"));
    if (this.chairs) {
      const button = made("button", texts.takeUp, "small");
      button.setAttribute("aria-label", `${texts.takeUp}: ${item.title}`);
      button.addEventListener("click", () => this.#turn(item.id));
      line.append(" ", button);
    }
    return line;
  }

  #next() {
    const agenda = this.meeting?.agenda ?? [];
    const at = agenda.findIndex((item) => item.id === this.#present());
    this.#turn(agenda[at + 1]?.id ?? null);
  }

  /** @param {string | null} item */
  async #turn(item) {
    try {
      await call("POST", `${this.path}/turn`, this.link.csrf, { item });
    } catch (error) {
      passing(error instanceof Error ? error.message : String(error));
    }
  }

  /** @param {State} state */
  #drawPeople(state) {
    const hands = state.hands.filter((id) => state.participants.some((p) => p.id === id));
    element("handcount").textContent = hands.length ? `(${hands.length})` : "";
    const rank = (/** @type {Participant} */ p) => (p.hand ? hands.indexOf(p.id) : hands.length);
    const people = [...state.participants].sort((a, b) => rank(a) - rank(b));
    const list = element("people");
    const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset.about;
    list.replaceChildren(...people.map((person) => this.#person(person, state)));
    if (focused) /** @type {HTMLElement | null} */ (list.querySelector(`[data-about="${focused}"]`))?.focus();
  }

  /** @param {Participant} person @param {State} state */
  #person(person, state) {
    const here = person.publishing.length > 0;
    const says = [here ? texts.here : person.watching ? texts.watching : texts.notHere];
    if (person.role === "lead") says.unshift(texts.chair);
    if (person.id === state.you) says.unshift(texts.you);
    if (person.muted) says.push(texts.muted);
    else if (person.off.includes("microphone")) says.push(texts.microphoneOff);
    if (person.off.includes("camera")) says.push(texts.cameraOff);
    if (person.hand) says.push(texts.hand);
    if (state.floor === person.id) says.push(texts.floor);
    const line = document.createElement("li");
    line.append(made("span", "", here || person.watching ? "dot on" : "dot"), made("b", person.teacher), ` ${person.school} `, made("span", says.join(" · "), "muted"));
    if (this.chairs && person.id !== state.you) {
      const has = state.floor === person.id;
      const tools = document.createElement("div");
      tools.append(
        this.#tool(person, "floor", has ? texts.takeFloor : texts.giveFloor, { do: "floor", participant: has ? null : person.id }),
        this.#tool(person, "mute", person.muted ? texts.unmute : texts.mute, { do: "mute", participant: person.id, muted: !person.muted }),
      );
      line.append(tools);
    }
    return line;
  }

  /** @param {Participant} person @param {string} what @param {string} word @param {Record<string, unknown>} wish */
  #tool(person, what, word, wish) {
    const button = made("button", word, `small ${what}`);
    button.dataset.about = `${what}-${person.id}`;
    button.setAttribute("aria-label", `${word}: ${person.teacher}`);
    button.addEventListener("click", () => this.link.send(wish));
    return button;
  }

  #drawNotes() {
    element("notes").replaceChildren(
      ...(this.meeting?.notes ?? []).map((note) => {
        const line = document.createElement("li");
        if (note.kind === "decision") line.append(made("b", texts.decision, "decision"), " ");
        const item = this.meeting?.agenda.find((each) => each.id === note.item);
        line.append(made("span", note.text, "said"), " ", made("small", [note.author, item?.title].filter(Boolean).join(" · ")));
        return line;
      }),
    );
  }

  /** @param {SubmitEvent} event */
  async #write(event) {
    event.preventDefault();
    const text = /** @type {HTMLTextAreaElement} */ (element("notetext"));
    const problem = /** @type {HTMLElement} */ (element("note").querySelector(".problem"));
    const kind = /** @type {HTMLButtonElement} */ (event.submitter).value;
    const item = /** @type {HTMLSelectElement} */ (element("noteitem")).value || null;
    problem.hidden = true;
    try {
      await call("POST", `${this.path}/notes`, this.link.csrf, { kind, text: text.value, item });
      text.value = "";
    } catch (error) {
      problem.textContent = error instanceof Error ? error.message : String(error);
      problem.hidden = false;
    }
  }
}
