"use strict";
(() => {
  const all = [...document.querySelectorAll("details.scenario")];
  const byId = (id) => document.getElementById(id);
  const filter = byId("filter");
  const value = (id) => (byId(id) ? byId(id).value : "");
  const texts = new Map();
  const text = (one) => {
    if (!texts.has(one)) {
      const parts = one.querySelectorAll(":scope > summary, .meta, .problem, .step > summary");
      texts.set(one, [...parts].map((part) => part.textContent).join(" ").toLowerCase());
    }
    return texts.get(one);
  };
  const apply = () => {
    const words = value("words").toLowerCase().split(/\s+/).filter(Boolean);
    const status = value("status"), tag = value("tag"), check = value("check");
    let shown = 0;
    for (const one of all) {
      const fits = (!status || one.dataset.status === status)
        && (!tag || one.dataset.tags.split(" ").includes(tag))
        && (!check || one.dataset.checks.split(" ").includes(check))
        && words.every((word) => text(one).includes(word));
      one.hidden = !fits;
      shown += fits ? 1 : 0;
    }
    byId("found").textContent = shown === all.length ? "" : `${shown} of ${all.length} shown`;
  };
  if (filter && all.length > 1) {
    filter.hidden = false;
    filter.addEventListener("submit", (event) => event.preventDefault());
    for (const id of ["words", "status", "tag", "check"]) byId(id)?.addEventListener("input", apply);
    byId("all").addEventListener("click", () => {
      const open = byId("all").textContent === "Open all";
      for (const one of all) if (!one.hidden) one.open = open;
      byId("all").textContent = open ? "Close all" : "Open all";
    });
  }
  const follow = () => {
    let target = location.hash.length > 1 && byId(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    const found = target;
    for (; target; target = target.parentElement) if (target.tagName === "DETAILS") { target.open = true; target.hidden = false; }
    found.scrollIntoView();
    found.querySelector("summary")?.focus({ preventScroll: true });
  };
  addEventListener("hashchange", follow);
  follow();
  const before = [];
  addEventListener("beforeprint", () => {
    for (const one of document.querySelectorAll("details.scenario.failed, details.scenario.failed details.step.failed")) {
      if (!one.open) { before.push(one); one.open = true; }
    }
  });
  addEventListener("afterprint", () => { for (const one of before.splice(0)) one.open = false; });
  const copy = async (button, words) => {
    const label = button.textContent;
    try { await navigator.clipboard.writeText(words); } catch {
      const area = document.createElement("textarea");
      area.value = words; document.body.append(area); area.select(); document.execCommand("copy"); area.remove();
    }
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = label; }, 1500);
  };
  const quoted = (word) => `'${word.replaceAll("'", "'\\''")}'`;
  const rows = (inside, kind) => [...inside.querySelectorAll(`:scope > table[data-kind="${kind}"] tr`)]
    .map((row) => [row.cells[0].textContent, row.cells[1].textContent]);
  const curl = (call) => {
    const inside = call.querySelector(".inside");
    const parts = ["curl", "-i", "-X", call.dataset.method, quoted(call.dataset.url)];
    for (const [name, said] of rows(inside, "headers")) {
      if (!["host", "content-length"].includes(name)) parts.push("-H", quoted(`${name}: ${said}`));
    }
    for (const [name, said] of rows(inside, "form")) parts.push("--data-urlencode", quoted(`${name}=${said}`));
    const sent = [...inside.querySelectorAll(".label")].find((one) => one.textContent === "Request body");
    if (sent) parts.push("--data-raw", quoted(sent.nextElementSibling.textContent));
    return parts.join(" ");
  };
  const ticket = (problem) => {
    const scenario = problem.closest(".scenario");
    const meta = scenario.querySelector(":scope > .inside > .meta").textContent.trim().replace(/\s+/g, " ");
    return [
      problem.querySelector("h4").textContent.trim(), "",
      `Scenario: ${scenario.querySelector(":scope > summary .name").textContent}`, meta,
      document.querySelector(".top .meta").textContent, "",
      problem.querySelector(".drawn").textContent.trim(),
    ].join("\n");
  };
  for (const button of document.querySelectorAll("button.curl, button.ticket")) button.hidden = false;
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.classList.contains("curl")) copy(button, curl(button.closest(".call")));
    if (button?.classList.contains("ticket")) copy(button, ticket(button.closest(".problem")));
  });
})();
