// Updates by socket, what is the reader's own by htmx, both polled where no socket holds.
import { localise, tick } from "./times.js";

const POLL = 30_000, SHORTEST = 500, LONGEST = 15_000, PATIENCE = 10_000, STALE = 60_000, ASLEEP = 20_000;
const live = document.getElementById("live"), says = live.dataset;
const chip = document.getElementById("live-chip"), news = document.getElementById("live-news");
const alarm = document.getElementById("live-alarm"), jump = document.getElementById("live-jump");
const zone = says.zone, language = document.documentElement.lang;
const skew = Date.parse(says.now) - Date.now(); // the server's clock judges
const known = new Map(); // incident -> {variant, sequence} of the last update that this page has
const held = new Map(); // incident -> frames that came before the ones they follow
const asked = new Map(); // incident -> the sequence after which we asked for what is missing
const worry = new Map(); // incident -> how severe it was last said to be, and whether the reader has to do something
let socket, again, patience, refreshing, saying, hiddenAt, failures = 0, stopped = false, polled = false, asOf = new Date();

// What the page has
function remember() {
  for (const { dataset } of document.querySelectorAll("[data-incident][data-sequence]")) {
    const seen = known.get(dataset.incident), sequence = Number(dataset.sequence);
    if (seen?.variant === dataset.variant && seen.sequence >= sequence) continue;
    known.set(dataset.incident, { variant: dataset.variant, sequence });
    worry.set(dataset.incident, worryOf(dataset));
  }
}

const worryOf = ({ severity, action }) => ({ severity: Number(severity), action: action !== undefined });

function refresh() {
  clearTimeout(refreshing);
  refreshing = setTimeout(() => {
    for (const part of document.querySelectorAll("[data-mine]")) window.htmx?.trigger(part, "refresh");
  }, 100);
}

const unsaid = new Set();
function announce(text) {
  news.textContent = ""; // the same words twice are news twice
  unsaid.add(text);
  clearTimeout(saying); // what comes together is said together
  saying = setTimeout(() => { news.textContent = [...unsaid].join(". "); unsaid.clear(); }, 200);
}

/** Interrupts the reader: only for a new severity 5 and for something that he newly has to do. */
function interrupt(incident, dataset) {
  const before = worry.get(incident), now = worryOf(dataset);
  worry.set(incident, now);
  const words = [];
  if (now.severity === 5 && before?.severity !== 5) words.push(says.urgent);
  if (now.action && !before?.action) words.push(says.act);
  if (words.length) alarm.textContent = words.join(". ");
}

// Updates: in order, once
function receive(frame) {
  const incident = String(frame.incident), list = document.getElementById("updates");
  if (list && list.dataset.incident !== incident) return;
  const seen = known.get(incident), same = seen?.variant === frame.variant;
  if (list && seen && !same) return location.reload(); // the reader's track was changed: every text is another
  if (same && frame.sequence <= seen.sequence) return;
  const last = same ? seen.sequence : 0;
  if (list && frame.sequence > last + 1) return hold(incident, last, frame);
  known.set(incident, { variant: frame.variant, sequence: frame.sequence });
  const holder = document.createElement("template");
  holder.innerHTML = frame.html;
  const update = holder.content.firstElementChild;
  announce(says.new.replace("{}", update.querySelector(".status").textContent.trim().toLowerCase()));
  interrupt(incident, update.dataset);
  if (list && list.dataset.opened !== undefined) fetchList(); // the reader has opened the other track: its text, too
  else if (list) insert(list, update);
  refresh();
  const next = held.get(incident)?.get(frame.sequence + 1);
  if (next) receive(next);
}

function hold(incident, last, frame) {
  if (!held.has(incident)) held.set(incident, new Map());
  held.get(incident).set(frame.sequence, frame);
  if (asked.get(incident) === last) return;
  asked.set(incident, last);
  resume();
}

function insert(list, update) {
  localise(update, zone, language);
  update.classList.add("update-new");
  list.dataset.sequence = update.dataset.sequence;
  inPlace(list.firstElementChild, () => list.prepend(update));
  window.htmx?.process(update);
  if (list.getBoundingClientRect().top < 0) offer(update);
}

/** Where the browser does not hold the text that is being read in its place, we do. */
function inPlace(reading, change) {
  const before = reading?.getBoundingClientRect().top;
  change();
  if (reading?.isConnected && scrollY > 0 && !CSS.supports("overflow-anchor", "auto")) scrollBy(0, reading.getBoundingClientRect().top - before);
}

// What came above of where somebody reads
const unseen = new Set();
const arrival = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) if (isIntersecting) forget(target);
});

function offer(update) {
  unseen.add(update);
  arrival.observe(update);
  showJump();
}

function forget(update) {
  arrival.unobserve(update);
  unseen.delete(update);
  showJump();
}

function showJump() {
  for (const update of unseen) if (!update.isConnected) unseen.delete(update);
  jump.hidden = unseen.size === 0;
  jump.textContent = unseen.size === 1 ? says.one : says.more.replace("{}", unseen.size);
}

jump.addEventListener("click", () => {
  const newest = document.getElementById("updates")?.firstElementChild;
  for (const update of [...unseen]) forget(update);
  newest?.setAttribute("tabindex", "-1");
  newest?.focus({ preventScroll: true });
  newest?.scrollIntoView({ block: "start", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
});

// The socket
function resume() {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ resume: Object.fromEntries(known) }));
}

function connect() {
  clearTimeout(again);
  clearTimeout(patience);
  if (stopped) return;
  if (socket) {
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }
  const mine = socket = new WebSocket(`${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}/live/`);
  patience = setTimeout(() => mine.close(), PATIENCE); // neither open nor refused
  mine.onopen = () => { asked.clear(); remember(); resume(); };
  mine.onmessage = ({ data }) => {
    const frame = JSON.parse(data);
    if (frame.type === "update") receive(frame);
    if (frame.type === "ready") ready();
    asOf = new Date();
  };
  mine.onclose = ({ code }) => {
    clearTimeout(patience);
    if (code === 4401) return signedOut();
    failures += 1;
    if (failures === 3) { announce(says.lost); poll(); }
    show();
    again = setTimeout(connect, SHORTEST + Math.random() * (Math.min(LONGEST, SHORTEST * 2 ** failures) - SHORTEST));
  };
}

/** At once, whatever the pause: the chip claims nothing until the server has said that nothing is missing. */
function restart() {
  failures ||= 1;
  connect();
  show();
}

function ready() {
  clearTimeout(patience);
  if (failures) refresh(); // clocks may have changed without an update
  if (failures >= 3) announce(says.back);
  failures = 0;
  show("on");
}

function signedOut() {
  stopped = true;
  clearTimeout(again);
  socket?.close();
  show("signed-out");
  announce(chip.textContent.trim());
}

function show(state = navigator.onLine && (failures < 3 || polled) ? "reconnecting" : "offline") {
  if (stopped && state !== "signed-out") return;
  chip.hidden = false;
  chip.className = `live live-${state === "signed-out" ? "offline" : state}`;
  chip.dataset.state = state;
  chip.replaceChildren(document.getElementById(`live-${state}`).content.cloneNode(true));
  const clock = asOf.toLocaleTimeString("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit" });
  favicon();
  if (state === "reconnecting" || state === "offline") chip.lastElementChild.append(` · ${says.asOf.replace("{}", clock)}`);
}

/** The tab's picture is the state of what the page is about; without a connection nobody knows it. */
function favicon() {
  const unknown = chip.dataset.state === "offline" || chip.dataset.state === "signed-out";
  const picture = unknown ? says.unknown : document.querySelector("[data-mine]")?.dataset.icon;
  const link = document.querySelector("link[rel=icon]");
  if (picture && link.getAttribute("href") !== picture) link.setAttribute("href", picture);
}

// Without a socket
async function poll() {
  refresh();
  await fetchList();
}

async function fetchList() {
  const list = document.getElementById("updates");
  if (!list) return;
  const answer = await fetch(location.pathname + location.search, { headers: { "HX-Request": "true" } }).catch(() => null);
  if (!answer?.ok) return; // the refresh says so on the chip
  if (answer.redirected) return signedOut();
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById("updates");
  if (fresh && list.dataset.opened !== undefined) {
    localise(fresh, zone, language);
    list.replaceWith(fresh);
    return remember();
  }
  for (const update of [...page.querySelectorAll("article[data-sequence]")].reverse()) {
    const { incident, variant, sequence } = update.dataset;
    receive({ incident, variant, sequence: Number(sequence), html: update.outerHTML });
  }
}

setInterval(() => { if (failures >= 3 && !stopped && !document.hidden) poll(); }, POLL);
let ticked = Date.now();
setInterval(() => {
  const now = Date.now();
  if (now - ticked > ASLEEP && !document.hidden) restart(); // the machine slept; nobody else may say so
  ticked = now;
  tick(now + skew, says, refresh);
}, 1000);

const newestShown = () => [...known.values()].reduce((most, { sequence }) => Math.max(most, sequence), 0);

let open = [];
document.addEventListener("htmx:configRequest", (event) => {
  // what the reader's screen shows counts as read; a page in the background is read by nobody
  const opened = document.getElementById("updates")?.dataset.opened !== undefined;
  if (event.detail.elt.id === "mine" && !opened && !document.hidden) event.detail.parameters.seen = newestShown();
});
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, pathInfo, target } = event.detail;
  if (xhr.responseURL && new URL(xhr.responseURL).pathname !== pathInfo.requestPath) {
    event.detail.shouldSwap = false; // the sign-in page came instead
    return signedOut();
  }
  open = [...target.querySelectorAll("details[id]")].map(({ id, open: is }) => [id, is]);
});
document.addEventListener("htmx:afterSwap", ({ detail }) => {
  if (!detail.requestConfig.elt.matches("[data-mine]")) return; // the other track's text of one update
  for (const [id, is] of open) document.getElementById(id)?.toggleAttribute("open", is);
  document.title = document.querySelector("[data-mine]")?.dataset.title ?? document.title;
  remember();
  polled = true;
  asOf = new Date();
  if (chip.dataset.state !== "on") show();
  favicon();
});
for (const failed of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
  document.addEventListener(failed, () => { polled = false; if (chip.dataset.state !== "on") show(); });
}

addEventListener("online", restart);
addEventListener("offline", () => show());
addEventListener("pagehide", () => { // an open socket would keep the page out of the back-forward cache
  clearTimeout(again);
  if (socket) socket.onclose = null;
  socket?.close();
});
addEventListener("pageshow", ({ persisted }) => { if (persisted) restart(); });
document.addEventListener("visibilitychange", () => {
  if (document.hidden) hiddenAt = Date.now();
  else if (socket?.readyState !== WebSocket.OPEN || Date.now() - hiddenAt > STALE) { // a sleeping machine's socket only looks open
    restart();
    if (failures >= 3) poll();
  }
});

document.getElementById("print")?.addEventListener("click", () => print());

remember();
connect();
