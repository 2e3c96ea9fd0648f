// Updates by socket, what is the reader's own by htmx, both polled where no socket holds.
import { localise, tick } from "./times.js";

const POLL = 30_000, SHORTEST = 500, LONGEST = 15_000, PATIENCE = 10_000, STALE = 60_000;
const live = document.getElementById("live"), says = live.dataset;
const chip = document.getElementById("live-chip"), news = document.getElementById("live-news");
const zone = says.zone, language = document.documentElement.lang;
const skew = Date.parse(says.now) - Date.now(); // the server's clock judges
const known = new Map(); // incident -> {variant, sequence} of the last update that this page has
const held = new Map(); // incident -> frames that came before the ones they follow
const asked = new Map(); // incident -> the sequence after which we asked for what is missing
let socket, again, patience, refreshing, saying, hiddenAt, failures = 0, stopped = false, polled = false, asOf = new Date();

// What the page has
function remember() {
  for (const { dataset } of document.querySelectorAll("[data-incident][data-sequence]")) {
    const seen = known.get(dataset.incident), sequence = Number(dataset.sequence);
    if (seen?.variant !== dataset.variant || seen.sequence < sequence) known.set(dataset.incident, { variant: dataset.variant, sequence });
  }
}

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
  if (list) insert(list, update);
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
  const reading = list.firstElementChild, before = reading?.getBoundingClientRect().top;
  list.prepend(update);
  list.dataset.sequence = update.dataset.sequence;
  // where the browser does not hold the text that is being read in its place, we do
  if (reading && scrollY > 0 && !CSS.supports("overflow-anchor", "auto")) scrollBy(0, reading.getBoundingClientRect().top - before);
}

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
  if (state === "reconnecting" || state === "offline") chip.lastElementChild.append(` · ${says.asOf.replace("{}", clock)}`);
}

// Without a socket
async function poll() {
  refresh();
  const list = document.getElementById("updates");
  if (!list) return;
  const answer = await fetch(location.pathname, { headers: { "HX-Request": "true" } }).catch(() => null);
  if (!answer?.ok) return; // the refresh above says so on the chip
  if (answer.redirected) return signedOut();
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const update of [...page.querySelectorAll("article[data-sequence]")].reverse()) {
    const { incident, variant, sequence } = update.dataset;
    receive({ incident, variant, sequence: Number(sequence), html: update.outerHTML });
  }
}

setInterval(() => { if (failures >= 3 && !stopped && !document.hidden) poll(); }, POLL);
setInterval(() => tick(Date.now() + skew, says, refresh), 1000);

let open = [];
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, pathInfo, target } = event.detail;
  if (xhr.responseURL && new URL(xhr.responseURL).pathname !== pathInfo.requestPath) {
    event.detail.shouldSwap = false; // the sign-in page came instead
    return signedOut();
  }
  open = [...target.querySelectorAll("details[id]")].map(({ id, open: is }) => [id, is]);
});
document.addEventListener("htmx:afterSwap", () => {
  for (const [id, is] of open) document.getElementById(id)?.toggleAttribute("open", is);
  document.title = document.querySelector("[data-mine]")?.dataset.title ?? document.title;
  remember();
  polled = true;
  asOf = new Date();
  if (chip.dataset.state !== "on") show();
});
for (const failed of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
  document.addEventListener(failed, () => { polled = false; if (chip.dataset.state !== "on") show(); });
}

addEventListener("online", restart);
addEventListener("offline", () => show());
addEventListener("pageshow", ({ persisted }) => { if (persisted) restart(); });
document.addEventListener("visibilitychange", () => {
  if (document.hidden) hiddenAt = Date.now();
  else if (socket?.readyState !== WebSocket.OPEN || Date.now() - hiddenAt > STALE) { // a sleeping machine's socket only looks open
    restart();
    if (failures >= 3) poll();
  }
});

remember();
connect();
