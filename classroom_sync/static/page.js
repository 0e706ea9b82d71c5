// @ts-check
// Small things both lesson pages use: elements, texts, devices, clocks.

/** @type {Record<string, string>} */
export const texts = JSON.parse(document.getElementById("texts")?.textContent ?? "{}");

/** @template {HTMLElement} T @param {string} id @returns {T} */
export function element(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`no element #${id}`);
  return /** @type {T} */ (found);
}

/** @param {string} text @param {Record<string, string | number>} values */
export function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/** @param {string} text empty hides it @param {boolean} [good] whether it is no problem */
export function notice(text, good = false) {
  const box = element("notice");
  box.textContent = text;
  box.classList.toggle("good", good);
  box.hidden = !text;
}

const PASSING = 8000; // ms

/** Say something that needs no answer, for a while. @param {string} text @param {boolean} [good] */
export function passing(text, good = false) {
  notice(text, good);
  setTimeout(() => element("notice").textContent === text && notice(""), PASSING);
}

/** What to tell about a failure to open camera and microphone. @param {unknown} error */
export function deviceTrouble(error) {
  if (!window.isSecureContext) return texts.insecure;
  return texts[error instanceof Error ? error.name : ""] ?? String(error);
}

/**
 * Take part from one tab at a time: two of one room would replace each other for ever. A second tab
 * says so, and goes on by itself when the first is closed.
 * @param {string} name @param {() => void} begin
 */
export function inOneTab(name, begin) {
  if (!navigator.locks) return begin();
  const waiting = setTimeout(() => notice(texts.elsewhere), 1500);
  navigator.locks.request(name, () => {
    clearTimeout(waiting);
    notice("");
    begin();
    return new Promise(() => {}); // held until the page goes
  });
}

/** @returns {Promise<MediaStream>} */
export function openDevices() {
  if (!navigator.mediaDevices) return Promise.reject(new Error("insecure"));
  return navigator.mediaDevices.getUserMedia({
    audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
    video: { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 25 } },
  });
}

/** Show a stream in a video element, once. @param {HTMLMediaElement} media @param {MediaStream | null} stream */
export function show(media, stream) {
  if (media.srcObject !== stream) media.srcObject = stream;
  if (stream && media.paused) media.play().catch(() => {});
}

/** Sound has its own element, so that it goes on whatever the picture does. @param {MediaStream} stream */
export function hear(stream) {
  const audio = new Audio();
  audio.autoplay = true;
  audio.srcObject = stream;
  audio.dataset.mid = "audio";
  document.body.append(audio);
  return audio.play();
}

/** Minutes left or over, in words. @param {string} starts @param {string} ends */
export function lessonClock(starts, ends) {
  const now = Date.now();
  const minutes = (/** @type {number} */ ms) => Math.ceil(ms / 60000);
  if (now < Date.parse(starts)) return fill(texts.before ?? texts.begins, { minutes: minutes(Date.parse(starts) - now), time: "" });
  const left = Date.parse(ends) - now;
  return left >= 0 ? fill(texts.left, { minutes: minutes(left) }) : fill(texts.over, { minutes: minutes(-left) });
}
