// @ts-check
// Receipts of this classroom: kept in IndexedDB until the server has said that it knows them. Each has
// an id of its own, so telling one twice counts once.

import { call } from "./api.js";

/** @typedef {{id: string, push: string, class_id: string, kind: string, at: string, played?: [number, number][], note?: string, understood?: string, answers?: {counts: number[], text: string}[]}} Receipt */

const AT_ONCE = 100;

/** @returns {Promise<IDBDatabase>} */
function open() {
  return new Promise((done, failed) => {
    const asked = indexedDB.open("receipts", 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore("receipts", { keyPath: "id" });
    asked.onsuccess = () => done(asked.result);
    asked.onerror = () => failed(asked.error);
  });
}

/**
 * One transaction on the store; what its request gives, once it is on the disk.
 * @template T @param {IDBTransactionMode} mode @param {(store: IDBObjectStore) => IDBRequest<T> | void} work
 * @returns {Promise<T>}
 */
async function inStore(mode, work) {
  const database = await open();
  try {
    return await new Promise((done, failed) => {
      const transaction = database.transaction("receipts", mode, { durability: "strict" });
      const request = work(transaction.objectStore("receipts"));
      transaction.oncomplete = () => done(/** @type {T} */ (request ? request.result : undefined));
      transaction.onerror = transaction.onabort = () => failed(transaction.error);
    });
  } finally {
    database.close();
  }
}

/** A random id that also pages without HTTPS can make (RFC 9562, version 4). */
function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** Keep something that happened. @param {Omit<Receipt, "id" | "at">} what */
export function keep(what) {
  return inStore("readwrite", (store) => void store.add({ ...what, id: newId(), at: new Date().toISOString() }));
}

/** How many the server has not heard of. @returns {Promise<number>} */
export const waiting = () => inStore("readonly", (store) => store.count());

/** Tell the server what it has not heard; how many are left. @param {string} csrf @returns {Promise<number>} */
export async function tell(csrf) {
  for (;;) {
    const receipts = await inStore("readonly", (store) => store.getAll(null, AT_ONCE));
    if (!receipts.length) return 0;
    const { known, refused } = await call("POST", "/api/v1/room/receipts", csrf, { receipts });
    await inStore("readwrite", (store) => [...known, ...refused].forEach((id) => store.delete(id)));
  }
}
