// @ts-check
// What takes longer than a moment says so: a page that is being asked for, a form that was sent.

const AFTER = 700; // milliseconds
const sign = document.getElementById("working");
let waiting = 0;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

function begin() {
  waiting += 1;
  timer ??= setTimeout(() => {
    if (sign) sign.hidden = false;
  }, AFTER);
}

function end() {
  waiting -= 1;
  if (waiting > 0) return;
  clearTimeout(timer);
  timer = undefined;
  if (sign) sign.hidden = true;
}

/** Until it is done, however it ends. @template T @param {Promise<T>} work @returns {Promise<T>} */
export function working(work) {
  begin();
  return work.finally(end);
}

/** Fetch a file that is made when it is asked for, and save it under the name that the server gives it.
 * @param {HTMLAnchorElement} link */
async function save(link) {
  const answer = await fetch(link.href);
  if (!answer.ok) {
    location.assign(link.href); // which says what is wrong
    return;
  }
  const named = answer.headers.get("Content-Disposition") ?? "";
  const coded = /filename\*=UTF-8''([^;]+)/i.exec(named)?.[1];
  const plain = /filename="?([^";]+)/i.exec(named)?.[1];
  const made = Object.assign(document.createElement("a"), {
    href: URL.createObjectURL(await answer.blob()),
    download: coded ? decodeURIComponent(coded) : plain ?? "",
  });
  made.click();
  setTimeout(() => URL.revokeObjectURL(made.href), 60000);
}

// Another page takes the place of this one, and of the sign with it.
window.addEventListener("submit", (event) => {
  if (!event.defaultPrevented) begin();
});
window.addEventListener("click", (event) => {
  const link = /** @type {Element} */ (event.target).closest?.("a");
  const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.defaultPrevented;
  if (!plain || !link || link.origin !== location.origin || link.target) return;
  if (link.hasAttribute("download")) {
    event.preventDefault();
    void working(save(link)).catch(() => location.assign(link.href));
  } else if (link.href.split("#")[0] !== location.href.split("#")[0]) begin();
});
// The page is shown again as it was left.
window.addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  waiting = 1;
  end();
});
