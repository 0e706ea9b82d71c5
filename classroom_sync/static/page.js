// @ts-check
// Small things both lesson pages use: elements, texts, devices, clocks.

/** Of the page, and of the parts it is made of. @type {Record<string, string>} */
export const texts = Object.assign({}, ...[...document.querySelectorAll("#texts, .texts")].map((each) => JSON.parse(each.textContent ?? "{}")));

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

/** @param {string} text empty hides it @param {boolean} calm it is no trouble, only news */
export function notice(text, calm = false) {
  const box = element("notice");
  box.textContent = text;
  box.classList.toggle("calm", calm);
  box.hidden = !text;
}

const PASSING = 8000; // ms

/** Say something that needs no answer, for a while. @param {string} text @param {boolean} calm */
export function passing(text, calm = false) {
  notice(text, calm);
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

/**
 * @param {{camera?: string, microphone?: string}} chosen ids of devices; those that are gone don't matter
 * @returns {Promise<MediaStream>}
 */
export function openDevices({ camera, microphone } = {}) {
  if (!navigator.mediaDevices) return Promise.reject(new Error("insecure"));
  return navigator.mediaDevices.getUserMedia({
    audio: { deviceId: microphone, echoCancellation: true, noiseSuppression: true, autoGainControl: true },
    video: { deviceId: camera, width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 25 } },
  });
}

/** Camera and microphone, or the one of them that there is. @param {{camera?: string, microphone?: string}} chosen */
export async function openWhatThereIs(chosen = {}) {
  try {
    return { stream: await openDevices(chosen), trouble: null };
  } catch (trouble) {
    for (const only of [{ audio: true }, { video: true }]) {
      const stream = await navigator.mediaDevices?.getUserMedia(only).catch(() => null);
      if (stream) return { stream, trouble };
    }
    return { stream: null, trouble };
  }
}

/** Show a stream in a video element, once. @param {HTMLMediaElement} media @param {MediaStream | null} stream */
export function show(media, stream) {
  if (media.srcObject !== stream) media.srcObject = stream;
  if (stream && media.paused) media.play().catch(() => {});
}

/**
 * Sound has its own element, so that it goes on whatever the picture does.
 * @param {MediaStream} stream @param {string | null} mid the slot it comes in
 */
export function hear(stream, mid) {
  for (const old of document.querySelectorAll(`audio[data-mid="${mid}"]`)) old.remove();
  const audio = new Audio();
  audio.autoplay = true;
  audio.srcObject = stream;
  audio.dataset.mid = mid ?? "";
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
