// @ts-check
// What was sent to the classes of this room: a list, one big button each, and receipts of what was
// really played. It all works with the line down.

import { dropWithdrawn, fetchAll, isHere, kept, register, sentNow, within } from "./fetched.js";
import { LessonPlayer } from "./lesson_player.js";
import { element, fill, notice, passing, texts } from "./page.js";
import { askClass, isAsking, showMarks } from "./questions.js";
import { keep, tell, waiting } from "./receipts.js";

/** @typedef {import("./fetched.js").Item} Item */
/** @typedef {import("./fetched.js").SentClass} SentClass */

const LOOK = 30000; // ms between looks for what is new, and tellings of what happened
const PIECE = 30000; // ms of playing that one receipt tells of
const MOST_RANGES = 500; // of one receipt
const IDLE = 120000; // ms without a touch after which a live lesson is joined
const root = element("sent");
const csrf = root.dataset.csrf ?? "";
const most = Number(root.dataset.bytes);
const video = /** @type {HTMLVideoElement} */ (element("video"));
const player = new LessonPlayer(video, /** @type {HTMLVideoElement} */ (element("side")), element("choices"), () => void stop(true));
const word = /** @type {HTMLDialogElement} */ (element("word"));
/** @type {Item[]} */ let items = JSON.parse(element("items").textContent ?? "[]");
/** @type {Map<string, number>} */ const fetching = new Map();
/** @type {{item: Item, of: SentClass} | null} */ let playing = null;
let told = "";
let toldAt = 0;
let touchedAt = performance.now();
let busy = false;
let away = false; // the server, whatever the browser thinks of the line

/** @param {string} name @param {string} text @param {string} [css] */
function make(name, text, css = "") {
  const made = document.createElement(name);
  made.textContent = text;
  made.className = css;
  return made;
}

async function draw() {
  const here = new Map(await Promise.all(items.map(async (item) => /** @type {[string, boolean]} */ ([item.push, await isHere(item)]))));
  const cards = items.map((item) => card(item, here.get(item.push) ?? false));
  element("list").replaceChildren(...(cards.length ? cards : [make("p", texts.none, "large muted")]));
  const left = await waiting();
  element("line").textContent = [navigator.onLine && !away ? "" : texts.offline, left ? fill(texts.waiting, { n: left }) : ""].filter(Boolean).join(" ");
  const used = [...(await kept()).values()].reduce((sum, of) => sum + of.size, 0);
  const gb = (/** @type {number} */ bytes) => (bytes / 1e9).toFixed(1);
  element("space").textContent = `${fill(texts.space, { used: gb(used), most: gb(most) })} · ${texts.overnight}`;
}

/** @param {Item} item @param {boolean} here */
function card(item, here) {
  const made = make("article", "", "sentcard");
  made.dataset.push = item.push;
  const share = fetching.get(item.push);
  const where = !item.tag ? texts.gone : here ? texts.here : share === undefined ? texts.notHere : fill(texts.fetching, { percent: Math.floor(share * 100) });
  const words = make("div", "");
  words.append(make("h2", item.title), make("p", `${item.subject} · ${item.teacher} · ${fill(texts.due, { day: item.due_on })}`, "large"));
  if (item.note) words.append(make("p", item.note, "large note"));
  const state = make("p", where, `place ${here ? "good" : "muted"}`);
  words.append(state);
  const buttons = make("div", "", "choices");
  for (const of of item.classes) buttons.append(button(item, of));
  made.append(words, buttons);
  return made;
}

/** @param {Item} item @param {SentClass} of */
function button(item, of) {
  const alone = item.classes.length === 1;
  const lesson = item.kind === "lesson";
  const label = lesson ? (alone ? texts.play : texts.playFor) : alone ? texts.open : texts.openFor;
  const made = /** @type {HTMLButtonElement} */ (make("button", fill(label, { class: of.name }), "huge-button primary"));
  made.disabled = !item.tag;
  made.addEventListener("click", () => begin(item, of));
  const column = make("div", "", "choice");
  const asked = item.questions.length;
  const share = item.duration_ms ? ` ${Math.round(of.share * 100)} %` : "";
  column.append(made, make("p", of.watched ? `${texts.watched}${share}` : of.opened ? share : "", of.watched ? "good" : "muted"));
  if (of.opened) {
    const back = make("button", texts.word, "small");
    back.addEventListener("click", () => ask(item, of));
    const quiz = make("button", of.answered ? texts.answerAgain : texts.answer, "small quizbutton");
    quiz.addEventListener("click", () => void answer(item, of));
    column.append(...(asked ? [quiz, back] : [back]));
  }
  return column;
}

/** The tracks of a lesson: its picture and sound, and the shared screen. @param {Item} item */
function tracksOf(item) {
  return ["main", "screen"].map((key) => ({
    key,
    name: texts[key],
    sound: false,
    parts: item.files.filter((file) => file.track === key).map((file) => ({ ...file, duration_ms: file.duration_ms ?? 0 })),
  })).filter((track) => track.parts.length);
}

/** @param {Item} item @param {SentClass} of */
async function begin(item, of) {
  if ((away || !navigator.onLine) && !(await isHere(item))) return passing(texts.unreachable);
  if (item.kind === "lesson") {
    playing = { item, of };
    told = "";
    toldAt = performance.now();
    element("player").hidden = false;
    element("list").hidden = true;
    player.load(tracksOf(item));
    element("player").requestFullscreen?.().catch(() => {});
    video.play().catch(() => {});
  } else {
    window.open(item.files[0].address, "_blank");
  }
  of.opened = true;
  await keep({ push: item.push, class_id: of.id, kind: "opened" });
  await speak();
}

/** Keep a receipt of all ranges played so far, if there is something new in them. */
async function note() {
  if (!playing) return;
  const ranges = player.played.slice(0, MOST_RANGES);
  const text = JSON.stringify(ranges);
  if (!ranges.length || text === told) return;
  told = text;
  toldAt = performance.now();
  await keep({ push: playing.item.push, class_id: playing.of.id, kind: "played", played: ranges });
}

/** @param {boolean} ended whether it has played to its end */
async function stop(ended) {
  if (!playing) return;
  const { item, of } = playing;
  video.pause();
  await note();
  playing = null;
  player.close();
  if (document.fullscreenElement) await document.exitFullscreen().catch(() => {});
  element("player").hidden = true;
  element("list").hidden = false;
  await speak();
  if (ended && item.questions.length && !of.answered) await answer(item, of);
  if (ended) ask(item, of);
}

/** Put the questions that came with it to a class. @param {Item} item @param {SentClass} of */
async function answer(item, of) {
  const answers = await askClass(item.questions);
  if (!answers) return;
  of.answered = true;
  await keep({ push: item.push, class_id: of.id, kind: "answered", answers });
  passing(texts.answered, true);
  await speak();
  await showMarks(item.questions, answers);
}

/** @param {Item} item @param {SentClass} of */
function ask(item, of) {
  const form = /** @type {HTMLFormElement} */ (word.querySelector("form"));
  form.reset();
  word.returnValue = "";
  word.onclose = async () => {
    const said = /** @type {HTMLTextAreaElement} */ (element("wordnote")).value.trim();
    const understood = /** @type {HTMLInputElement | null} */ (form.querySelector("input:checked"))?.value;
    if (word.returnValue !== "ok" || !(said || understood)) return;
    await keep({ push: item.push, class_id: of.id, kind: "feedback", note: said, understood });
    passing(texts.thanks, true);
    await speak();
  };
  word.showModal();
}

/** Tell what happened, ask what is new, draw. */
async function speak() {
  try {
    if (await waiting()) await tell(csrf);
    items = await sentNow();
    if ("caches" in window) await dropWithdrawn(items);
    await goLive();
    away = false;
  } catch {
    away = true; // told again at the next look; what is shown stays
  }
  await draw();
}

/** Back to the live page, where this one stood in for it, or where a lesson is on and nobody is here. */
async function goLive() {
  if (playing || word.open || isAsking()) return;
  const response = await fetch("/room/next", { headers: { Accept: "application/json" } });
  if (!response.ok) return;
  const { state } = await response.json();
  const alone = performance.now() - touchedAt > IDLE;
  if (location.pathname === "/room") location.reload();
  else if (alone && ["open", "live"].includes(state)) location.assign("/room");
}

/** @param {boolean} asked by a person, who is told what hinders */
async function fetchNow(asked) {
  if (busy || !("caches" in window)) return asked && !busy ? notice(texts.insecure) : undefined;
  busy = true;
  try {
    await fetchAll(items, most, {
      progress: (item, share) => {
        fetching.set(item.push, share);
        const place = root.querySelector(`[data-push="${item.push}"] .place`);
        if (place) place.textContent = fill(texts.fetching, { percent: Math.floor(share * 100) });
      },
      whole: async (item) => {
        fetching.delete(item.push);
        for (const of of item.classes) await keep({ push: item.push, class_id: of.id, kind: "fetched" });
        await speak();
      },
      noRoom: (item) => asked && notice(fill(texts.noRoom, { title: item.title })),
    }, new AbortController().signal);
  } catch {
    if (asked) passing(texts.broken);
  } finally {
    fetching.clear();
    busy = false;
    await draw();
  }
}

for (const touch of ["pointerdown", "keydown"]) document.addEventListener(touch, () => (touchedAt = performance.now()));
video.addEventListener("timeupdate", () => performance.now() - toldAt > PIECE && void note());
video.addEventListener("pause", () => void note());
video.addEventListener("error", () => playing && passing(texts.unreachable));
element("back").addEventListener("click", () => void stop(false));
element("fetch").addEventListener("click", () => void fetchNow(true));
window.addEventListener("online", () => void speak());
window.addEventListener("offline", () => void draw());
window.addEventListener("pagehide", () => void note());
document.addEventListener("visibilitychange", () => document.hidden && void note());
setInterval(() => {
  void speak();
  if (within(root.dataset.hours ?? "", new Date()) && !playing) void fetchNow(false);
}, LOOK);
await draw();
await register().catch(() => {}); // no line: the last one goes on
await speak();
