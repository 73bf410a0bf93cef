/** Keeps the open dashboard up to date: fetches the page again, and puts its content in place only where it differs. */

const everyMs = 10_000;
const content = document.getElementById("content");
const age = document.getElementById("age");
const connection = document.getElementById("connection");

/** The markup as the server sent it: the one in the page may differ from it by what the browser adds. */
let shown = content.innerHTML;
let lastAnswerAt = Date.now();

async function reload() {
  try {
    const response = await fetch("/dashboard", { signal: AbortSignal.timeout(everyMs) });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const fresh = page.getElementById("content");
    if (fresh === null) throw new TypeError("the answer is no dashboard");
    // Numbers that were read before, with their time, say more than a page that only says that they cannot be read now.
    if (response.ok) {
      age.replaceChildren(...page.getElementById("age").childNodes);
      replaceContent(fresh);
    }
    lastAnswerAt = Date.now();
    tell(response.ok ? "" : "The numbers could not be read just now; trying again.");
  } catch {
    const seconds = Math.round((Date.now() - lastAnswerAt) / 1000);
    tell(`No answer from the server for ${seconds} s; trying again.`);
  }
  showAge();
}

/** A table that was scrolled sideways, or that has the focus, stays as it was. */
function replaceContent(fresh) {
  const markup = fresh.innerHTML;
  if (markup === shown) return;
  shown = markup;
  const focused = document.activeElement?.closest(".tile")?.id;
  const scrolled = new Map(
    [...content.querySelectorAll(".tile")].map((tile) => [
      tile.id,
      tile.querySelector(".scroll")?.scrollLeft,
    ]),
  );
  content.replaceChildren(...fresh.childNodes);
  for (const [id, left] of scrolled) {
    const table = document.getElementById(id)?.querySelector(".scroll");
    if (table && left) table.scrollLeft = left;
  }
  if (focused) document.getElementById(focused)?.querySelector(".scroll, a")?.focus({ preventScroll: true });
}

/** The status is read out when it changes, so it is set only then. */
function tell(sentence) {
  if (connection.textContent !== sentence) connection.textContent = sentence;
}

function showAge() {
  const time = age.querySelector("time");
  if (time === null) return;
  const at = new Date(time.dateTime);
  const seconds = Math.max(0, Math.round((Date.now() - at.getTime()) / 1000));
  time.title = time.dateTime;
  time.textContent = `${at.toLocaleTimeString()} (${ageText(seconds)})`;
}

function ageText(seconds) {
  if (seconds < 10) return "just now";
  if (seconds < 100) return `${Math.floor(seconds / 10) * 10} s ago`;
  if (seconds < 6000) return `${Math.round(seconds / 60)} min ago`;
  return `${Math.round(seconds / 3600)} h ago`;
}

async function keepUpToDate() {
  if (!document.hidden) await reload();
  setTimeout(keepUpToDate, everyMs);
}

showAge();
setTimeout(keepUpToDate, everyMs);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) reload();
});
