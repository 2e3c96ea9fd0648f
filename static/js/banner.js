// <script src="https://…/banner.js" async></script>: shows an open incident on the site that includes it.
// With data-token (docs/banner.md) those that touch the signed-in customer. No cookies, nothing is sent but the token.
(() => {
  const script = document.currentScript, EVERY = 60_000, CLOSED = "status-banner-closed";
  const CSS = `:host{all:initial;display:block}
section{font:16px/1.5 system-ui,sans-serif;color-scheme:light dark;background:light-dark(#fff7ed,#2a1f14);color:light-dark(#1d2327,#f3eee8);border-bottom:2px solid light-dark(#b03a09,#ff922b);padding:.7em 1em;display:flex;gap:.8em;align-items:flex-start}
section.major{background:light-dark(#fff0f0,#2c1718);border-color:light-dark(#bb2424,#ff9a9a)}
svg{width:1.5em;height:1.5em;flex:none;fill:currentColor}
.cut{fill:none;stroke:light-dark(#fff7ed,#2a1f14);stroke-width:2;stroke-linecap:round}
ul{list-style:none;margin:0;padding:0;flex:1;min-width:0;overflow-wrap:anywhere}
b{font-weight:650}a{color:inherit;text-underline-offset:.2em}
button{all:unset;cursor:pointer;flex:none;min-width:2.75em;min-height:1.5em;text-align:center;border-radius:4px}
:is(a,button):focus-visible{outline:3px solid light-dark(#0b57d0,#8ab8ff);outline-offset:2px}`;
  const SHAPES = {
    major: ["M6.7 2h6.6L18 6.7v6.6L13.3 18H6.7L2 13.3V6.7Z", "m7 7 6 6M13 7l-6 6"],
    partial: ["M10 1.8 18.2 10 10 18.2 1.8 10Z", "M10 6v4.6M10 13.7v.1"],
    degraded: ["M10 2.6 18.2 17H1.8Z", "M10 8v4M10 14.6v.1"],
  };
  const host = document.createElement("div"), root = host.attachShadow({ mode: "open" });
  const make = (name, text, attributes = {}) => {
    const made = document.createElement(name);
    if (text) made.textContent = text;
    for (const key in attributes) made.setAttribute(key, attributes[key]);
    return made;
  };
  try {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(CSS);
    root.adoptedStyleSheets = [sheet];
  } catch {} // an old browser shows it in its own style

  const icon = (state) => {
    const space = "http://www.w3.org/2000/svg", svg = document.createElementNS(space, "svg");
    svg.setAttribute("viewBox", "0 0 20 20");
    svg.setAttribute("aria-hidden", "true");
    (SHAPES[state] ?? SHAPES.degraded).forEach((d, n) => {
      const path = svg.appendChild(document.createElementNS(space, "path"));
      path.setAttribute("d", d);
      if (n) path.setAttribute("class", "cut");
    });
    return svg;
  };
  // Closed is what was read: the next update shows it again.
  const seen = (found) => found.map((one) => one.id + one.updated_at).join();
  const kept = (value) => {
    try { return value === undefined ? sessionStorage.getItem(CLOSED) : sessionStorage.setItem(CLOSED, value); } catch { return null; }
  };

  let shown = "";
  function show(answer) {
    const found = answer.incidents, now = seen(found) + answer.stale;
    if (now === shown) return;
    shown = now;
    if (!found.length || kept() === seen(found)) return host.remove();
    const worst = ["major", "partial", "degraded"].find((state) => found.some((one) => one.state === state)) ?? "degraded";
    const section = make("section", "", { role: "region", "aria-label": script.dataset.label ?? "Status", class: worst });
    const list = make("ul"), close = make("button", "✕", { type: "button", "aria-label": script.dataset.close ?? "Close" });
    for (const one of found) {
      const item = list.appendChild(make("li"));
      item.append(make("a", one.heading, { href: one.url }), " – ", make("b", one.state_word), `, ${one.status_word}`);
    }
    close.onclick = () => { kept(seen(found)); host.remove(); };
    section.append(icon(worst), list, close);
    root.replaceChildren(section);
    if (!host.isConnected) document.body.prepend(host);
  }

  async function look() {
    const address = new URL("banner.json", script.src), token = script.dataset.token;
    if (token) address.searchParams.set("token", token);
    try {
      const answer = await fetch(address, { credentials: "omit", cache: "no-cache" });
      if (answer.ok) show(await answer.json());
    } catch {} // next time
    setTimeout(look, EVERY);
  }
  document.body ? look() : addEventListener("DOMContentLoaded", look);
})();
