// The public page: times in the reader's zone, strips that the arrow keys walk, a fresh page each minute. All optional.
import { localise } from "./times.js";

const EVERY = 60_000, TRY_AGAIN = 15_000, DAY = 86_400_000;
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
const language = document.documentElement.lang;
const dayName = new Intl.DateTimeFormat(language === "en" ? "en-GB" : language, { day: "numeric", month: "short", timeZone: "UTC" });

/** What a strip says of its day number `n`. */
function told(strip, n) {
  const bar = strip.children[n];
  const state = bar.classList[0].slice(2);
  const word = document.querySelector(`[data-state="${state}"]`)?.textContent ?? state;
  const first = Date.parse(`${strip.dataset.first}T00:00:00Z`);
  return `${dayName.format(first + n * DAY)}: ${bar.dataset.words ?? word}`;
}

/** One stop of the tabulator: the arrow keys, Home and End choose a day, the line below says what it was. */
function walk(strip) {
  const last = strip.children.length - 1, says = strip.parentElement.querySelector(".strip-says"), usual = says.textContent;
  let n = last;
  const show = (to) => {
    strip.children[n].classList.remove("is-read");
    n = Math.min(last, Math.max(0, to));
    strip.children[n].classList.add("is-read");
    strip.setAttribute("aria-valuenow", n + 1);
    strip.setAttribute("aria-valuetext", told(strip, n));
    says.textContent = told(strip, n);
  };
  const rest = () => {
    strip.children[n].classList.remove("is-read");
    says.textContent = usual;
  };
  const moves = { ArrowLeft: () => n - 1, ArrowRight: () => n + 1, ArrowDown: () => n - 7, ArrowUp: () => n + 7, Home: () => 0, End: () => last };
  for (const [name, value] of Object.entries({ role: "slider", tabindex: 0, "aria-valuemin": 1, "aria-valuemax": last + 1, "aria-valuenow": last + 1, "aria-valuetext": told(strip, last) })) strip.setAttribute(name, value);
  strip.addEventListener("keydown", (event) => {
    if (!moves[event.key] || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    show(moves[event.key]());
  });
  strip.addEventListener("focus", () => show(n));
  strip.addEventListener("blur", rest);
  const place = (event) => {
    const box = strip.getBoundingClientRect();
    return Math.floor(((event.clientX - box.left) / box.width) * (last + 1));
  };
  strip.addEventListener("pointermove", (event) => show(place(event)));
  strip.addEventListener("pointerdown", (event) => show(place(event)));
  strip.addEventListener("pointerleave", () => document.activeElement === strip || rest());
}

function dress(root) {
  localise(root, zone, language);
  root.querySelectorAll(".strip[data-first]").forEach(walk);
}

/** The same page again; what somebody reads or has opened stays as it is until he goes on. */
async function renew() {
  const main = document.getElementById("main");
  let wait = EVERY;
  try {
    const answer = await fetch(location.pathname, { cache: "no-cache", headers: { Accept: "text/html" } });
    if (answer.ok && !main.contains(document.activeElement) && !main.querySelector("details[open]")) {
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      document.title = fresh.title;
      document.body.className = fresh.body.className;
      main.replaceChildren(...fresh.getElementById("main").childNodes);
      dress(main);
    }
  } catch {
    wait = TRY_AGAIN;
  }
  setTimeout(renew, wait);
}

dress(document);
const words = document.querySelector("[data-zone]");
if (words && zone !== "UTC") words.textContent = words.dataset.zone.replace("{}", zone);
setTimeout(renew, EVERY);
