// Times in the reader's zone with UTC beside them, as comms/rendering/marks.py writes them; countdowns of promises.
const UTC = { timeZone: "UTC", hour: "2-digit", minute: "2-digit", hourCycle: "h23" };

/** `Sat 21 Nov, 14:00 CET (13:00 UTC)` */
export function words(instant, zone, language) {
  const locale = language === "en" ? "en-US" : language;
  const part = (options, type, where = locale) =>
    new Intl.DateTimeFormat(where, { timeZone: zone, ...options }).formatToParts(instant).find((p) => p.type === type).value;
  const day = ["weekday", "day", "month"].map((type) => part({ [type]: type === "day" ? "numeric" : "short" }, type).replace(/\.$/, ""));
  const clock = new Intl.DateTimeFormat("en-GB", { ...UTC, timeZone: zone }).format(instant);
  const names = ["en-GB", "en-US"].map((where) => part({ timeZoneName: "short" }, "timeZoneName", where));
  const name = names.find((found) => !/^GMT[+-]/.test(found)) ?? distance(names[0]);
  const local = `${day.join(" ")}, ${clock} ${name}`;
  const offset = part({ timeZoneName: "longOffset" }, "timeZoneName");
  return !/[+-](?!00:?00)/.test(offset) ? local : `${local} (${new Intl.DateTimeFormat("en-GB", UTC).format(instant)} UTC)`;
}

/** A zone without letters: `GMT+8` -> `UTC+08`, `GMT+5:30` -> `UTC+0530`. */
function distance(name) {
  const [, sign, hours, minutes = ""] = /^GMT([+-])(\d+):?(\d*)/.exec(name);
  return `UTC${sign}${hours.padStart(2, "0")}${minutes}`;
}

export function localise(root, zone, language) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const instant = new Date(time.dateTime);
    if (!Number.isNaN(instant.getTime())) time.textContent = words(instant, zone, language);
  }
}

/** `2 d 3 h`, `1 h 05 min`, `12 min`, `40 s`; what is begun but not full is not counted. */
export function length(milliseconds) {
  const s = Math.max(0, Math.floor(milliseconds / 1000)), m = Math.floor(s / 60), h = Math.floor(m / 60);
  if (h >= 24) return `${Math.floor(h / 24)} d ${h % 24} h`;
  if (h) return `${h} h ${String(m % 60).padStart(2, "0")} min`;
  return m ? `${m} min` : `${s} s`;
}

/** Counts every promise on the page down; `onLate` is called in the second in which one becomes late. */
export function tick(now, says, onLate) {
  for (const promise of document.querySelectorAll(".promise[data-due]")) {
    const left = new Date(promise.dataset.due) - now;
    const late = left < 0;
    const text = (late ? says.late : says.in).replace("{}", length(Math.abs(left)));
    const shown = promise.querySelector("[data-countdown]");
    if (shown.textContent !== text) shown.textContent = text;
    if (late && !promise.classList.contains("promise-late")) onLate();
    promise.classList.toggle("promise-late", late);
    promise.classList.toggle("promise-soon", !late && left < 600_000);
    promise.classList.toggle("promise-on-time", left >= 600_000);
  }
}
