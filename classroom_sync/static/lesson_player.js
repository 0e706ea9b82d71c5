// @ts-check
// Plays a lesson that consists of files: its picture and sound, one part after the other, and beside
// it, in step, another track (the shared screen, a classroom) while there is something of it.

/** @typedef {{address: string, starts_ms: number, duration_ms: number}} Part */
/** @typedef {{key: string, name: string, sound: boolean, parts: Part[]}} Track */
/** @typedef {[number, number]} Range milliseconds of the lesson */

const APART = 0.25; // seconds by which the other track may run away before it is put right
const BEGINNING = 500; // ms: who has played a part from here on has had what lies before it

/** @param {Part} part */
const endOf = (part) => part.starts_ms + part.duration_ms;

/**
 * Which part shows a moment: the one that it lies in, the next where it lies between two, the last
 * after all.
 * @param {Part[]} parts @param {number} ms
 */
export function partAt(parts, ms) {
  const inside = parts.findIndex((part) => part.starts_ms <= ms && ms < endOf(part));
  const next = parts.findIndex((part) => part.starts_ms > ms);
  return inside >= 0 ? inside : next >= 0 ? next : parts.length - 1;
}

/**
 * What was played of a part, on the lesson's clock. Between two parts nothing was recorded: who plays
 * one from its beginning has had that too.
 * @param {Part[]} parts @param {number} number @param {Range[]} ranges milliseconds of the part
 * @returns {Range[]}
 */
export function onTheClock(parts, number, ranges) {
  const { starts_ms } = parts[number];
  const before = Math.max(0, ...parts.map(endOf).filter((end) => end <= starts_ms));
  return ranges.map(([from, to]) => [from <= BEGINNING ? Math.min(before, starts_ms + from) : starts_ms + from, starts_ms + to]);
}

/** The same milliseconds in order, none twice. @param {Range[]} ranges @returns {Range[]} */
export function union(ranges) {
  /** @type {Range[]} */ const merged = [];
  for (const [from, to] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const last = merged.at(-1);
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else if (from < to) merged.push([from, to]);
  }
  return merged;
}

export class LessonPlayer {
  /** @type {Track[]} */ #tracks = [];
  /** @type {Track | null} */ #beside = null;
  /** @type {Range[]} */ #before = []; // played of the parts before
  #number = 0;

  /**
   * `film` plays the first track, `side` the one beside it, `choices` gets a button for each track
   * where there are several, and `ended` is called when the last part has.
   * @param {HTMLVideoElement} film @param {HTMLVideoElement} side @param {HTMLElement} choices @param {() => void} ended
   */
  constructor(film, side, choices, ended) {
    this.film = film;
    this.side = side;
    this.choices = choices;
    for (const event of ["timeupdate", "play", "pause", "seeked", "ratechange"]) film.addEventListener(event, () => this.#follow());
    film.addEventListener("ended", () => {
      if (this.#number + 1 < this.#parts.length) this.#show(this.#number + 1, 0);
      else ended();
    });
  }

  get #parts() {
    return this.#tracks[0]?.parts ?? [];
  }

  /** Milliseconds on the lesson's clock. */
  get now() {
    return (this.#parts[this.#number]?.starts_ms ?? 0) + this.film.currentTime * 1000;
  }

  /** What was played of the lesson since it was loaded. @returns {Range[]} */
  get played() {
    return union([...this.#before, ...this.#playedHere()]);
  }

  /** Show the first track's beginning; the shared screen is beside it where there is one. @param {Track[]} tracks */
  load(tracks) {
    this.#tracks = tracks;
    this.#before = [];
    this.#number = 0;
    this.film.src = tracks[0].parts[0].address;
    this.#draw();
    this.choose(tracks.find((track) => track.key === "screen") ?? tracks[0]);
  }

  /** Nothing is loaded any more. */
  close() {
    this.#tracks = [];
    this.#beside = null;
    for (const video of [this.film, this.side]) {
      video.pause();
      video.removeAttribute("src");
      video.load();
    }
  }

  /** Go to a moment of the lesson. @param {number} ms */
  jump(ms) {
    const number = partAt(this.#parts, ms);
    const seconds = Math.max(0, ms - this.#parts[number].starts_ms) / 1000;
    if (number !== this.#number) return this.#show(number, seconds);
    this.film.currentTime = seconds;
    this.film.play().catch(() => {});
  }

  /** Show a track large; the first goes on in any case, for its sound. @param {Track} track */
  choose(track) {
    this.#beside = track === this.#tracks[0] ? null : track;
    for (const button of this.choices.querySelectorAll("button")) button.setAttribute("aria-pressed", String(button.value === track.key));
    this.side.muted = !track.sound;
    this.side.setAttribute("aria-label", track.name);
    this.#follow();
  }

  #draw() {
    const buttons = this.#tracks.map((track) => {
      const made = Object.assign(document.createElement("button"), { type: "button", value: track.key, textContent: track.name });
      made.addEventListener("click", () => this.choose(track));
      return made;
    });
    this.choices.replaceChildren(...buttons);
    this.choices.hidden = buttons.length < 2;
  }

  /** @param {number} number @param {number} seconds from its beginning */
  #show(number, seconds) {
    this.#before = this.played;
    this.#number = number;
    const { film } = this;
    film.src = this.#parts[number].address;
    if (seconds) film.addEventListener("loadedmetadata", () => (film.currentTime = seconds), { once: true });
    film.play().catch(() => {});
  }

  /** @returns {Range[]} */
  #playedHere() {
    const { played } = this.film;
    const ranges = Array.from({ length: played.length }, (_, n) => /** @type {Range} */ ([Math.round(played.start(n) * 1000), Math.round(played.end(n) * 1000)]));
    return this.#parts.length ? onTheClock(this.#parts, this.#number, ranges.filter(([from, to]) => from < to)) : [];
  }

  /** Show beside the picture what belongs to this moment; nothing while there is none. */
  #follow() {
    const { film, side } = this;
    const now = this.now;
    const part = this.#beside?.parts.find((each) => each.starts_ms <= now && now < endOf(each));
    side.hidden = !part;
    film.parentElement?.toggleAttribute("data-beside", Boolean(part));
    if (!part) return side.pause();
    if (side.getAttribute("src") !== part.address) side.setAttribute("src", part.address);
    const at = (now - part.starts_ms) / 1000;
    if (Math.abs(side.currentTime - at) > APART) side.currentTime = at;
    side.playbackRate = film.playbackRate;
    if (film.paused) side.pause();
    else if (side.paused) side.play().catch(() => {});
  }
}
