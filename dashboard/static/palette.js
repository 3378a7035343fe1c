// Ctrl-K: search over pages, lots, commands, settings, kept runs and documents. It opens things; it carries nothing out.
(() => {
  "use strict";
  const $ = (q, el = document) => el.querySelector(q);
  const LIMIT = 6, FIRST = 17;
  let groups = null, chosen = 0, asked = 0;

  function node(name, attributes = {}, ...inside) {
    const el = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) el.setAttribute(key, value);
    el.append(...inside);
    return el;
  }
  function icon(name) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    svg.setAttribute("class", "i");
    svg.setAttribute("aria-hidden", "true");
    use.setAttribute("href", `#i-${name}`);
    svg.append(use);
    return svg;
  }
  // Each word that was typed is marked where it stands first.
  function marked(text, words) {
    const found = words.map((w) => [text.toLowerCase().indexOf(w), w.length]).filter(([at]) => at >= 0).sort((a, b) => a[0] - b[0]);
    const out = [];
    let end = 0;
    for (const [at, length] of found) {
      if (at < end) continue;
      out.push(text.slice(end, at), node("mark", {}, text.slice(at, at + length)));
      end = at + length;
    }
    return [...out, text.slice(end)];
  }
  // Smaller is better: at the beginning of the text, of a word in it, in it, beside it.
  function rank(item, words) {
    const text = item.text.toLowerCase(), whole = `${text} ${item.more} ${item.also}`.toLowerCase();
    let sum = 0;
    for (const w of words) {
      const at = text.indexOf(w);
      if (at === 0) continue;
      if (at > 0) sum += /[\s_\-]/.test(text[at - 1]) ? 1 : 2;
      else if (whole.includes(w)) sum += 4;
      else return null;
    }
    return sum;
  }
  function draw() {
    const list = $("#pal-list"), words = $("#pal-q").value.toLowerCase().split(/\s+/).filter(Boolean);
    const shown = [];
    let all = 0;
    list.replaceChildren();
    for (const group of groups || []) {
      if (!words.length && !group.first) continue;
      const fits = group.items.map((item) => [rank(item, words), item]).filter(([r]) => r !== null);
      fits.sort((a, b) => a[0] - b[0]);
      all += fits.length;
      if (!fits.length) continue;
      const box = node("div", { role: "group", "aria-label": group.title }, node("p", { class: "palh", "aria-hidden": "true" }, group.title));
      for (const [, item] of fits.slice(0, words.length ? LIMIT : FIRST)) {
        const more = node("span", { class: "m" }, ...marked(item.more, words));
        const line = node("a", { role: "option", id: `pal-${shown.length}`, tabindex: "-1", ...(item.href ? { href: item.href } : {}) },
          icon(item.icon), node("span", {}, ...marked(item.text, words), " ", more), node("span", { class: "s m" }, item.hint));
        if (item.press && item.more) line.setAttribute("aria-disabled", "true");
        line.item = item;
        shown.push(line);
        box.append(line);
      }
      list.append(box);
    }
    if (!shown.length) list.append(node("p", { class: "m pad", role: "option", "aria-disabled": "true", "aria-selected": "false" }, groups === null ? "Loading…" : "Nothing fits. Fewer letters find more."));
    $("#dlg-pal [role=status]").textContent = groups === null ? "" : `${shown.length} of ${all}`;
    chosen = 0;
    choose(0);
  }
  function choose(step) {
    const lines = [...document.querySelectorAll("#pal-list a")];
    if (!lines.length) return $("#pal-q").removeAttribute("aria-activedescendant");
    chosen = (chosen + step + lines.length) % lines.length;
    lines.forEach((line, n) => line.setAttribute("aria-selected", String(n === chosen)));
    lines[chosen].scrollIntoView({ block: "nearest" });
    $("#pal-q").setAttribute("aria-activedescendant", lines[chosen].id);
  }
  // A dialog opens as it always does; a button without one gets the focus, so that a person presses it.
  function take(line) {
    const { press, href } = line.item;
    if (line.getAttribute("aria-disabled") === "true") return;
    $("#dlg-pal").close();
    if (!press) return void (href.split("#")[0] === location.pathname + location.search && href.includes("#") ? (location.hash = href.split("#")[1]) : (location.href = href));
    const box = $("#cmd"), button = $(`button[value="${CSS.escape(press)}"]`, box);
    if (button?.hasAttribute("data-ask")) return button.click();
    if (getComputedStyle(box).display === "none") box.showPopover();
    button?.focus();
  }
  async function open() {
    const dialog = $("#dlg-pal");
    if (dialog.open) return dialog.close();
    if ($("dialog[open]")) return; // what asks is answered first
    document.querySelectorAll(":popover-open").forEach((p) => p.hidePopover());
    groups = null;
    $("#pal-q").value = "";
    draw();
    dialog.showModal();
    const mine = ++asked;
    try {
      const answer = await fetch("/palette", { signal: AbortSignal.timeout(5000) });
      if (answer.status === 401) return void (location.href = "/login");
      const found = await answer.json();
      if (mine === asked) groups = found.groups;
    } catch {
      if (mine === asked) groups = [{ title: "The dashboard does not respond", first: true, items: [{ text: "On the machine itself: ./coin status, ./coin kill", icon: "warns", href: "", press: "", more: "", hint: "", also: "" }] }];
    }
    if (mine === asked) draw();
  }
  document.addEventListener("DOMContentLoaded", () => {
    if (!$("#dlg-pal")) return;
    document.addEventListener("keydown", (e) => {
      if ((e.ctrlKey || e.metaKey) && !e.shiftKey && !e.altKey && e.key.toLowerCase() === "k") { e.preventDefault(); open(); }
    });
    document.addEventListener("click", (e) => {
      if (e.target.closest("[data-palette]")) { e.preventDefault(); open(); }
      const line = e.target.closest("#pal-list a");
      if (line && !e.ctrlKey && !e.metaKey) { e.preventDefault(); take(line); }
      if (e.target.id === "dlg-pal") e.target.close(); // beside the box
    });
    $("#pal-q").addEventListener("input", draw);
    $("#pal-q").addEventListener("keydown", (e) => {
      const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 6, PageUp: -6 }[e.key];
      if (step) { e.preventDefault(); choose(step); }
      else if (e.key === "Enter") { e.preventDefault(); const line = $("#pal-list [aria-selected=true]"); if (line) take(line); }
    });
  });
})();
