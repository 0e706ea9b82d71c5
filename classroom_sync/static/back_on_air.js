// @ts-check
// Before anything is drawn: who was on air on this device, and reloads, sees the lesson at once and not
// the device check for as long as the camera takes to open. A plain script, since modules come later.

const { mark } = document.currentScript?.dataset ?? {};
if (mark && localStorage.getItem(mark)) document.documentElement.classList.add("onair");
