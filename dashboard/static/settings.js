// Settings: search and choice without leaving the page, and what the form as it stands would do. No inline code.
(() => {
  "use strict";
  const $ = (q, el = document) => el.querySelector(q);
  const $$ = (q, el = document) => [...el.querySelectorAll(q)];
  const form = $("#se-form"), search = $("#se-q"), which = $("#se-which");
  if (!form || !search) return;
  const rows = $$(".stg", form);
  let shown = "all", timer = 0, asked = 0, aborter = null;

  const was = (field) => (field.type === "radio" ? $$("input", field.closest(".segb")).find((one) => "was" in one.dataset)?.value : field.dataset.was);
  const given = (field) => (field.type === "radio" ? $(":checked", field.closest(".segb"))?.value : field.value.trim());
  const field = (row) => $("[name]", row);
  const dirty = (row) => { const one = field(row); return !!one && !one.disabled && given(one) !== was(one); };

  function filter() {
    const words = search.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    let any = false;
    for (const row of rows) {
      const fits = words.every((word) => row.dataset.set.includes(word)) && (shown === "all" || (shown === "changed" ? "changed" in row.dataset : dirty(row)));
      if (row.hidden === fits) row.hidden = !fits;
      any ||= fits;
    }
    for (const group of $$(".grp", form)) {
      group.hidden = !$(".stg:not([hidden])", group);
      if (any && (words.length || shown !== "all")) group.open = true;
      const hand = $("details", group);
      if (hand) hand.hidden = !$(".stg:not([hidden])", hand);
      if (hand && !hand.hidden && (words.length || shown !== "all")) hand.open = true;
    }
    $("#se-none").hidden = any;
  }
  function marks() {
    const count = rows.filter((row) => {
      const is = dirty(row), now = $("[data-now]", row);
      row.classList.toggle("dirty", is);
      if (now) now.hidden = !is;
      return is;
    }).length;
    for (const el of $$("[data-dirty]")) el.textContent = count;
    $("#se-bar").hidden = !count;
    if (shown === "dirty") filter();
    return count;
  }
  function draft() {
    const out = new URLSearchParams();
    for (const row of rows) if (dirty(row)) out.set(field(row).name, given(field(row)));
    return out;
  }
  // The newest form counts: an answer to an older one is dropped.
  async function effect() {
    const mine = ++asked, query = draft().toString();
    aborter?.abort();
    aborter = new AbortController();
    try {
      const answer = await fetch(`/settings/effect?${query}`, { signal: aborter.signal });
      if (answer.status === 401) { location.href = "/login"; return; }
      const text = await answer.text();
      if (mine !== asked || !answer.ok) return;
      const made = new DOMParser().parseFromString(text, "text/html").getElementById("se-prv");
      if (!made) return;
      $("#se-prv").replaceWith(document.adoptNode(made));
      history.replaceState(null, "", query ? `/settings?${query}` : "/settings");
      wrong();
      const asks = $("[data-bt]");
      if (follows && asks) compare(asks);
    } catch (error) { if (error.name !== "AbortError") console.error(error); }
  }
  // The backtest: once somebody has asked for it, it follows the form.
  let follows = false, again = 0;
  async function compare(asks) {
    const mine = asked, body = new URLSearchParams(new FormData(asks)), button = $("button", asks);
    button.disabled = true;
    clearTimeout(again);
    try {
      const answer = await fetch(asks.action, { method: "POST", body, headers: { "HX-Request": "true", "X-CSRF-Token": body.get("csrf") } });
      const text = await answer.text();
      if (mine !== asked) return;
      const made = new DOMParser().parseFromString(text, "text/html").getElementById("se-bt");
      if (!made) return;
      $("#se-bt").replaceWith(document.adoptNode(made));
      if ("wait" in made.dataset) again = setTimeout(() => { const next = $("[data-bt]"); if (next) compare(next); }, 700);
    } finally { button.disabled = false; }
  }
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-bt]")) return;
    event.preventDefault();
    follows = true;
    compare(event.target);
  });
  // What is refused is said at its field as well.
  function wrong() {
    for (const row of rows) {
      const found = $(`#se-prv [data-problem="${row.id}"]`);
      let at = $(".err", row);
      row.classList.toggle("wrong", !!found);
      const one = field(row);
      if (one) found ? one.setAttribute("aria-invalid", "true") : one.removeAttribute("aria-invalid");
      if (!found) { at?.remove(); continue; }
      if (!at) {
        at = document.createElement("p");
        at.className = "s err";
        row.firstElementChild.append(at);
      }
      if (at.textContent !== found.textContent) at.textContent = found.textContent;
    }
  }
  function touched() {
    marks();
    clearTimeout(timer);
    timer = setTimeout(effect, 250);
  }
  form.addEventListener("input", touched);
  form.addEventListener("submit", (event) => { event.preventDefault(); clearTimeout(timer); effect(); });
  search.addEventListener("input", filter);
  search.form.addEventListener("submit", (event) => { event.preventDefault(); filter(); });
  which.addEventListener("click", (event) => {
    const button = event.target.closest("[data-which]");
    if (!button) return;
    shown = button.dataset.which;
    for (const one of $$("button", which)) one.setAttribute("aria-pressed", String(one === button));
    filter();
  });
  document.addEventListener("click", (event) => {
    const to = event.target.closest('a[href^="#"]'), place = to && document.getElementById(to.hash.slice(1));
    for (let box = place?.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
    if (!event.target.closest("[data-discard]")) return;
    event.preventDefault();
    for (const row of rows) {
      const one = field(row);
      if (!one || one.disabled) continue;
      if (one.type === "radio") for (const radio of $$("input", one.closest(".segb"))) radio.checked = "was" in radio.dataset;
      else one.value = one.dataset.was;
    }
    marks();
    effect();
  });
  which.hidden = false;
  $("[data-nojs]", form)?.remove();
  marks();
  if (search.value) filter();
})();
