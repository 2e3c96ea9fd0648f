// Asks every two seconds whether there are new mails, and then shows them without touching the filter's text.
const list = document.getElementById("list");

async function look() {
  const count = document.getElementById("count");
  const now = await (await fetch("/count")).text();
  if (now === count.dataset.count) return;
  const page = new DOMParser().parseFromString(await (await fetch(location.href)).text(), "text/html");
  count.replaceWith(page.getElementById("count"));
  list.replaceChildren(...page.getElementById("list").childNodes);
}

setInterval(() => {
  if (!document.hidden) look().catch(() => {});
}, 2000);
