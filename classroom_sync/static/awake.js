// @ts-check
// Keeps the screen from going dark; the browser lets go whenever the page is hidden.

export function stayAwake() {
  if (!("wakeLock" in navigator)) return;
  const ask = () => void (document.visibilityState === "visible" && navigator.wakeLock.request("screen").catch(() => {}));
  document.addEventListener("visibilitychange", ask);
  ask();
}
