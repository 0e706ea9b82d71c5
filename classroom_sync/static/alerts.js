// @ts-check
// Keeps the alerts on the administrator's page fresh. Nobody need be there: asking does not keep the
// visitor signed in (X-Unattended).

const EVERY = 5000; // ms
const place = /** @type {HTMLElement} */ (document.getElementById("alerts"));
const stale = /** @type {HTMLElement} */ (document.getElementById("stale"));
let shown = "";

async function look() {
  try {
    const answer = await fetch(place.dataset.from ?? "", { headers: { "X-Unattended": "1", Accept: "text/html" } });
    stale.hidden = answer.ok;
    const text = answer.ok ? await answer.text() : shown;
    if (text !== shown) place.innerHTML = text; // the server's own template
    shown = text;
  } catch {
    stale.hidden = false;
  }
}

setInterval(look, EVERY);
