// @ts-check
// On a waiting classroom screen: tell receipts that are left, and at night fetch what was sent.

import { dropWithdrawn, fetchAll, register, sentNow, within } from "./fetched.js";
import { element } from "./page.js";
import { keep, tell, waiting } from "./receipts.js";

const LOOK = 60000; // ms
const link = element("sentlink");
const csrf = element("room").dataset.csrf ?? "";
let busy = false;

async function look() {
  if (busy || !navigator.onLine || !element("stage").hidden) return; // a lesson needs the line
  busy = true;
  try {
    if (await waiting()) await tell(csrf);
    const items = await sentNow();
    await dropWithdrawn(items);
    const fresh = items.filter((item) => item.tag && item.classes.some((c) => !c.opened)).length;
    element("sentcount").textContent = fresh ? String(fresh) : "";
    if (!within(link.dataset.hours ?? "", new Date()) || !("caches" in window)) return;
    const stop = new AbortController();
    const watch = setInterval(() => element("stage").hidden || stop.abort(), 1000);
    try {
      await fetchAll(items, Number(link.dataset.bytes), {
        progress: () => {},
        whole: async (item) => {
          for (const of of item.classes) await keep({ push: item.push, class_id: of.id, kind: "fetched" });
          await tell(csrf);
        },
        noRoom: () => {},
      }, stop.signal);
    } finally {
      clearInterval(watch);
    }
  } catch {
    // the line is down or was needed for a lesson: it goes on at the next look
  } finally {
    busy = false;
  }
}

await register().catch(() => {});
await look();
setInterval(look, LOOK);
