// COIN: theme, ages, dialogs, hold to kill, keys, and the way on when the stream is cut. No inline code anywhere.
(() => {
  "use strict";
  const root = document.documentElement;
  const $ = (q, el = document) => el.querySelector(q);
  const $$ = (q, el = document) => [...el.querySelectorAll(q)];
  const meta = (name) => $(`meta[name="${name}"]`)?.content || "";

  // Theme first, before the first paint; the system's choice holds until a person chooses.
  const kept = (() => { try { return localStorage.getItem("theme"); } catch { return null; } })();
  if (kept === "dark" || kept === "light") root.dataset.theme = kept;
  const dark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  function toggleTheme() {
    root.dataset.theme = dark() ? "light" : "dark";
    try { localStorage.setItem("theme", root.dataset.theme); } catch { /* private windows keep nothing */ }
    dispatchEvent(new Event("coin:theme"));
  }

  // Ages count on by the page's own clock: a dead page ages, too.
  // Three of them: of the state file, of what the figures rest on ("fed"), and of the trouble.
  let ageAt = null, began = {}, clockOff = 0, seq = "";
  function spell(s) {
    if (s < 59.95) return `${Math.max(0.1, s).toFixed(1)}\u00a0s`;
    const n = Math.round(s);
    for (const [size, name, less, small] of [[86400, "d", 3600, "h"], [3600, "h", 60, "min"], [60, "min", 1, "s"]]) {
      if (n < size) continue;
      const rest = Math.floor((n % size) / less), head = `${Math.floor(n / size)}\u00a0${name}`;
      return rest ? `${head}\u00a0${rest}\u00a0${small}` : head;
    }
    return `${n}\u00a0s`;
  }
  const shape = (s, late = 1.5) => (s > 60 ? "dead" : s > 5 ? "stale" : s > late ? "late" : "fresh");
  function ages() {
    const clock = $("[data-clock]");
    if (clock) clock.textContent = `${new Date(Date.now() + clockOff).toISOString().slice(11, 19)} UTC`;
    if (ageAt === null) return;
    const offline = root.dataset.presence === "offline", unsure = ["stale", "unreadable"].includes(root.dataset.presence);
    const since = (of) => Math.max(0, (performance.now() - (began[of] ?? ageAt)) / 1000);
    for (const el of $$("[data-age]:not(#f-root)")) {
      const s = since(el.dataset.age), text = spell(s);
      if (el.textContent !== text) el.textContent = text;
      // Prices are as old as the last heartbeat, and one comes each second.
      const now = shape(s, el.dataset.age === "fed" ? 3 : 1.5), state = offline ? "dead" : unsure && s <= 5 ? "stale" : now;
      if (el.dataset.s !== state) el.dataset.s = state;
    }
    for (const el of $$("[data-grow]")) el.textContent = spell(since(el.dataset.grow));
  }

  // What the server says about the whole page stands in #f-root; every message brings it along.
  function absorb() {
    const r = $("#f-root");
    if (!r) return;
    root.dataset.mode = r.dataset.mode;
    root.dataset.presence = r.dataset.presence;
    for (const how of ["old", "blind"]) r.dataset[how] ? (root.dataset[how] = "") : delete root.dataset[how];
    if (document.title !== r.dataset.title) document.title = r.dataset.title;
    const icon = meta(`icon-${r.dataset.icon}`), link = $("#favicon");
    if (icon && link.getAttribute("href") !== icon) link.setAttribute("href", icon);
    const at = (age) => (age === "" ? undefined : performance.now() - 1000 * +age);
    ageAt = at(r.dataset.age) ?? null;
    began = { fed: at(r.dataset.fed), trouble: at(r.dataset.trouble) };
    clockOff = +r.dataset.now - Date.now();
    if (Math.abs(clockOff) < 1000) clockOff = 0;
    const sub = $("#f-pres")?.textContent || "";
    if (sub !== seq) {
      seq = sub;
      const logo = $(".brand .logo");
      logo?.classList.remove("beat");
      requestAnimationFrame(() => requestAnimationFrame(() => logo?.classList.add("beat")));
    }
    ages();
    dispatchEvent(new Event("coin:tick"));
  }

  // The stream, and polling where it is cut: which one it is, the page says.
  let heard = performance.now(), answered = heard, polling = false, opened = false;
  function watchStream() {
    const live = $("#live");
    const alive = () => { heard = answered = performance.now(); cut(false); };
    for (const name of ["htmx:sse:after:connection", "htmx:sse:after:message"]) document.addEventListener(name, alive);
    document.addEventListener("htmx:sse:after:connection", () => { opened = true; });
    document.addEventListener("htmx:after:swap", absorb);
    document.addEventListener("htmx:sse:error", (e) => { if (e.detail?.status === 401) location.href = "/login"; });
    if (!live && !$("#f-root")) return;
    setInterval(() => {
      if (performance.now() - heard > (document.hidden ? 15000 : 5000)) poll();
    }, 2000);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) poll(); });
  }
  // A stream that was open once comes back by itself; one whose first request failed does not.
  function reopen() {
    const live = $("#live");
    if (!live || performance.now() - heard < 5000) return;
    const again = live.cloneNode();
    live.replaceWith(again);
    htmx.process(again);
  }
  function cut(is, gone = false) {
    const el = $("#link");
    if (el && el.hidden === is) el.hidden = !is;
    if (el) $$("span", el).forEach((text, second) => (text.hidden = gone !== !!second));
  }
  // The server no longer updates the ages: the page does it. The next response redraws everything.
  function lost() {
    const box = $("#f-pres"), word = $("b", box);
    if (!box || word.textContent === "NO ANSWER") return;
    $(".s", box).textContent = `was ${word.textContent.toLowerCase()}`;
    word.textContent = "NO ANSWER";
    $("use", box).setAttribute("href", "#i-warns");
    box.dataset.s = "warn";
    root.dataset.presence = "stale";
    root.dataset.old = "";
    document.title = `NO ANSWER \u00b7 ${document.title}`;
    $("#favicon").setAttribute("href", meta("icon-warn"));
  }
  async function poll() {
    if (polling || !window.htmx) return;
    polling = true;
    try {
      const answer = await fetch(document.body.dataset.live, { headers: { "HX-Request": "true" }, signal: AbortSignal.timeout(5000) });
      if (answer.status === 401) return void (location.href = "/login");
      if (!answer.ok) throw new Error(answer.status);
      if (performance.now() - heard > 5000 && !document.hidden) cut(true);
      answered = performance.now();
      await htmx.swap({ text: await answer.text(), sourceElement: document.body, swap: "none", target: document.body });
      absorb();
      if (!opened) reopen();
    } catch {
      const gone = performance.now() - answered > 5000;
      cut(true, gone); // the ages go on counting, which is the truth
      if (gone) lost();
    } finally {
      polling = false;
    }
  }

  // Commands: a form's POST by script, so that the page stays; the stream brings the receipt.
  async function send(form, submitter) {
    const data = new FormData(form, submitter?.form === form ? submitter : undefined);
    return post(new URLSearchParams(data));
  }
  async function post(body) {
    try {
      const answer = await fetch("/commands", { method: "POST", body, headers: { "HX-Request": "true", "X-CSRF-Token": meta("csrf") } });
      const text = await answer.text();
      flash(text, answer.status); // empty where all went well
      if (performance.now() - heard > 3000) poll();
      return answer.ok;
    } catch {
      flash(null);
      return false;
    }
  }
  function flash(html, status) {
    const box = $("#flash");
    box.replaceChildren();
    if (html === "") return;
    const tpl = document.createElement("template");
    if (html && html.includes("data-dismiss")) tpl.innerHTML = html; // our own piece, escaped by the server
    if (tpl.content.childElementCount) return void box.append(tpl.content);
    const note = document.createElement("p");
    note.className = "note";
    note.dataset.s = "bad";
    note.setAttribute("role", "alert");
    note.textContent = html === null
      ? "Not sent: the dashboard does not respond. On the machine itself: ./coin kill"
      : `Not sent (${status}). Reload the page.`;
    box.append(note);
  }

  const closeAll = () => { $$("dialog[open]").forEach((d) => d.close()); $$(":popover-open").forEach((p) => p.hidePopover()); };
  async function ask(asked) { // a button that names a dialog, or a form of one that asks for more
    const dialog = $("#dlg"), body = $("#dlg-body");
    closeAll();
    const query = asked instanceof HTMLFormElement ? new URLSearchParams(new FormData(asked))
      : new URLSearchParams({ ask: asked.value, back: location.pathname + location.search });
    try {
      const answer = await fetch(`/ask?${query}`, { headers: { "HX-Request": "true" } });
      if (!answer.ok) throw new Error(answer.status);
      body.innerHTML = await answer.text(); // our own piece, escaped by the server
      const word = $("[data-word]", body), go = $("[data-go]", body);
      if (word && go) go.disabled = true;
      dialog.setAttribute("aria-labelledby", "ask-h");
      dialog.showModal();
    } catch {
      flash(null);
    }
  }

  // Hold to kill: K or the button, one second. Letting go cancels; a short press opens the dialog.
  let timer = 0, shown = 0, fired = false;
  function holdStart() {
    const h = $(".hold"), kill = $("[data-hold]");
    if (!h || !kill || timer || kill.getAttribute("aria-disabled") === "true") return;
    fired = false;
    shown = setTimeout(() => { h.hidden = false; h.getBoundingClientRect(); h.classList.add("go"); }, 150);
    timer = setTimeout(() => {
      fired = true;
      holdEnd();
      closeAll();
      post(new URLSearchParams({ cmd: "kill", how: "held" }));
    }, 1150);
  }
  function holdEnd() {
    clearTimeout(timer);
    clearTimeout(shown);
    timer = 0;
    const h = $(".hold");
    if (h) { h.classList.remove("go"); h.hidden = true; }
  }

  const typing = (el) => el?.matches?.("input, textarea, select, [contenteditable]");
  function keys() {
    let g = 0;
    document.addEventListener("keydown", (e) => {
      if (typing(e.target) || e.ctrlKey || e.metaKey || e.altKey) return;
      const k = e.key.toLowerCase();
      if (k === "k") return e.repeat ? undefined : holdStart();
      if (Date.now() - g < 1000) {
        const link = $(`[data-key="${CSS.escape(k)}"]`);
        g = 0;
        if (link) return void (location.href = link.getAttribute("href"));
      }
      if (k === "g") g = Date.now();
      else if (k === "t") toggleTheme();
      else if (k === "c") { const c = $("#cmd"); if (getComputedStyle(c).display === "none") c.showPopover(); $("button:not([aria-pressed=true])", c)?.focus(); }
      else if (k === "?") $("#dlg-keys")?.showModal();
      else if (k === "escape") holdEnd();
    });
    document.addEventListener("keyup", (e) => { if (e.key.toLowerCase() === "k") holdEnd(); });
  }

  document.addEventListener("DOMContentLoaded", () => {
    absorb();
    setInterval(ages, 100);
    watchStream();
    keys();
    $("[data-continue]")?.click();

    document.addEventListener("click", (e) => {
      const el = e.target.closest("button, a, [data-sort]");
      if (!el) return;
      if (el.matches("[data-theme-toggle]")) return toggleTheme();
      if (el.matches("[data-dismiss]")) return void el.closest(".note").remove();
      if (el.matches("dialog [data-close]")) { e.preventDefault(); return closeAll(); }
      if (el.getAttribute("aria-disabled") === "true") { e.preventDefault(); return el.focus(); }
      if (el.dataset.hold && fired) { e.preventDefault(); return void (fired = false); }
      if (el.hasAttribute("data-ask")) { e.preventDefault(); ask(el); }
      else if (el.closest("#dlg-keys") && el.value === "cancel") closeAll();
    });
    document.addEventListener("submit", async (e) => {
      const form = e.target;
      if (form.id === "cmdf") {
        e.preventDefault();
        const data = new FormData(form);
        data.set("cmd", e.submitter?.value || "");
        closeAll();
        await post(new URLSearchParams(data));
      } else if (form.matches("#dlg [data-askget]")) {
        e.preventDefault();
        await ask(form);
      } else if (form.matches("#dlg [data-askform]")) {
        e.preventDefault();
        closeAll();
        await send(form, e.submitter);
      }
    });
    document.addEventListener("input", (e) => {
      const word = e.target.dataset?.word;
      const go = word && $("[data-go]", e.target.form);
      if (go) go.disabled = e.target.value.trim().toLowerCase() !== word.toLowerCase();
    });
    // Form controls that ask again by themselves, such as the log's filter.
    document.addEventListener("change", (e) => { if (e.target.matches("[data-auto]")) e.target.form.requestSubmit(); });
    document.addEventListener("pointerover", (e) => {
      const time = e.target.closest?.("time[datetime]");
      if (time && !time.title) time.title = `${new Date(time.dateTime).toLocaleString()} local time`;
    });
    document.addEventListener("pointerdown", (e) => { if (e.target.closest("[data-hold]")) holdStart(); });
    for (const up of ["pointerup", "pointercancel", "blur"]) addEventListener(up, holdEnd);
  });
})();
