// @ts-check
// A tus 1.0.0 client for one file (core, creation, termination): it goes on where it stopped, after a broken line
// and after the page was closed. It touches no DOM.

const CHUNK = 8 << 20; // bytes
const WAITS = [0, 1000, 3000, 5000, 10000, 20000]; // ms between tries without progress
const TUS = { "Tus-Resumable": "1.0.0" };

/** What the server says is wrong, as a sentence; trying again would not mend it. */
export class Refused extends Error {}

/** @param {string} text base64 of its UTF-8 */
const encoded = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));

/** @param {Response} answer */
async function check(answer) {
  if (answer.ok) return answer;
  if (answer.status >= 500 || answer.status === 409 || answer.status === 423) throw new Error(String(answer.status));
  const said = await answer.json().catch(() => ({}));
  throw new Refused(said.detail ?? answer.statusText);
}

/**
 * Upload a file; its address once the server has taken it.
 * @param {File} file @param {Record<string, string>} metadata @param {string} csrf
 * @param {(sent: number) => void} progress @param {() => void} away the line is broken
 * @param {AbortSignal} signal
 */
export async function upload(file, metadata, csrf, progress, away, signal) {
  const name = `tus ${file.name} ${file.size} ${file.lastModified} ${metadata.kind}`;
  const headers = { ...TUS, "X-CSRF-Token": csrf, Accept: "application/json" };
  const ask = (/** @type {string} */ url, /** @type {RequestInit} */ what) => fetch(url, { ...what, signal, headers: { ...headers, ...what.headers } });
  let url = localStorage.getItem(name);
  let offset = -1;
  for (let tries = 0; ; ) {
    try {
      if (url && offset < 0) {
        const answer = await ask(url, { method: "HEAD" });
        if (answer.status >= 400 && answer.status < 500) url = null; // another sitting's, and gone
        else offset = Number((await check(answer)).headers.get("Upload-Offset"));
      }
      if (!url) {
        const pairs = Object.entries(metadata).map(([key, value]) => `${key} ${encoded(value)}`).join(",");
        const answer = await check(await ask("/uploads", { method: "POST", headers: { "Upload-Length": String(file.size), "Upload-Metadata": pairs } }));
        url = answer.headers.get("Location") ?? "";
        localStorage.setItem(name, url);
        offset = 0;
      }
      while (offset < file.size) {
        const body = file.slice(offset, offset + CHUNK);
        const answer = await check(await ask(url, { method: "PATCH", body, headers: { "Upload-Offset": String(offset), "Content-Type": "application/offset+octet-stream" } }));
        offset = Number(answer.headers.get("Upload-Offset"));
        tries = 0;
        progress(offset);
      }
      localStorage.removeItem(name);
      return url;
    } catch (error) {
      if (error instanceof Refused) localStorage.removeItem(name);
      if (error instanceof Refused || signal.aborted || tries >= WAITS.length) throw error;
      away();
      await new Promise((done) => setTimeout(done, WAITS[tries]));
      tries += 1;
      offset = -1;
    }
  }
}

/** Take an upload back; what hinders it, as a sentence, or nothing. @param {string} url @param {string} csrf */
export async function remove(url, csrf) {
  const answer = await fetch(url, { method: "DELETE", headers: { ...TUS, "X-CSRF-Token": csrf, Accept: "application/json" } });
  return answer.ok ? "" : (await answer.json()).detail;
}
