// Renews the board in place, so that nobody loses their place on it, and says so when the
// daemon does not answer: what is shown is old then.
"use strict";
const pause = document.getElementById("pause");
const away = document.getElementById("away");
const every = Number(document.body.dataset.renew) * 1000;
let paused = false;

async function renew() {
  if (paused || document.hidden) return;
  try {
    const answer = await fetch(location.pathname, { cache: "no-store", signal: AbortSignal.timeout(10000) });
    if (answer.status === 403) return location.reload();
    if (!answer.ok) throw new Error("no page");
    const next = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of ["concerns", "board", "now"]) {
      const here = document.getElementById(part);
      const there = next.getElementById(part);
      if (here.innerHTML !== there.innerHTML) here.replaceChildren(...there.childNodes);
    }
    document.title = next.title;
    away.hidden = true;
  } catch {
    away.hidden = false;
  }
}

pause.hidden = false;
pause.addEventListener("click", () => {
  paused = !paused;
  pause.setAttribute("aria-pressed", String(paused));
  renew();
});
document.addEventListener("visibilitychange", renew);
setInterval(renew, every);
