// The Lab: settings under the hand run the whole range again, and a dropped file goes up in pieces. No inline code.
(() => {
  "use strict";
  const $ = (q, el = document) => el.querySelector(q);
  const $$ = (q, el = document) => [...el.querySelectorAll(q)];
  const csrf = $('meta[name="csrf"]')?.content || "";
  const SVG = "http://www.w3.org/2000/svg", SIZE = 1000, DAY = 86400, NB = "\u00a0";
  const form = $("#asklab"), plot = $("#lab-plot");
  if (!form || !plot) return;

  const number = (v, digits = 2) => (v < 0 ? "\u2212" : "") + Math.abs(v).toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const signed = (v, digits = 2) => (+v.toFixed(digits) > 0 ? "+" : "") + number(+v.toFixed(digits) === 0 ? 0 : v, digits);
  const percent = (v) => `${signed(v * 100)}${NB}%`;

  // Drawing. The scale stays while a hand is on a slider, so that the curve moves and not the axes.
  let kept = plot.dataset.kept ? JSON.parse(plot.dataset.kept) : null, tried = null, held = false, frame = null;
  function scale(low, high) {
    const room = ((high - low) || Math.abs(high) || 1) * 0.06;
    low -= room; high += room;
    const raw = (high - low) / 5, power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 2.5, 5, 10].map((s) => s * power).find((s) => s >= raw) || 10 * power;
    const ticks = [];
    for (let t = Math.ceil(low / step) * step; t <= high; t += step) ticks.push(t);
    return { low, high, ticks };
  }
  function moments(first, last) {
    const days = (last - first) / DAY, out = [];
    if (days > 60) {
      const at = new Date(first * 1000), every = days < 400 ? 1 : days < 1200 ? 3 : 12;
      for (let y = at.getUTCFullYear(), m = at.getUTCMonth() + 1; ; m++) {
        const t = Date.UTC(y, m, 1) / 1000, d = new Date(t * 1000);
        if (t > last) return out;
        if (d.getUTCMonth() % every === 0) out.push([t, d.getUTCMonth() ? d.toLocaleString("en", { month: "short", timeZone: "UTC" }) : String(d.getUTCFullYear())]);
      }
    }
    const step = days < 4 ? Math.max(3600, Math.ceil((last - first) / 8 / 3600) * 3600) : DAY * Math.max(1, Math.round(days / 8));
    for (let t = Math.ceil(first / step) * step; t < last; t += step) {
      const d = new Date(t * 1000);
      out.push([t, days < 4 ? d.toISOString().slice(11, 16) : d.toLocaleString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" })]);
    }
    return out;
  }
  const text = (x, y, words, css) => {
    const el = document.createElementNS(SVG, "text");
    for (const [k, v] of Object.entries({ x, y, class: css })) if (v) el.setAttribute(k, v);
    el.textContent = words;
    return el;
  };
  function draw() {
    const shown = tried || kept;
    if (!shown) return;
    const same = kept && kept.t[0] === shown.t[0] && kept.t.at(-1) === shown.t.at(-1) && kept.cash === shown.cash;
    const first = shown.t[0], last = shown.t.at(-1);
    if (!frame || !held || frame.first !== first || frame.last !== last) {
      const all = [...shown.equity, ...shown.holding, ...(same ? kept.equity : []), shown.cash];
      frame = { first, last, ...scale(Math.min(...all), Math.max(...all)) };
      axes(first, last);
    }
    const y = (v) => (SIZE * (1 - (v - frame.low) / (frame.high - frame.low))).toFixed(1);
    const path = (t, values) => "M" + values.map((v, i) => `${((SIZE * (t[i] - first)) / (last - first || 1)).toFixed(1)} ${y(v)}`).join("L");
    $("#pl-base").setAttribute("d", `M0 ${y(shown.cash)}H${SIZE}`);
    $("#pl-hold").setAttribute("d", path(shown.t, shown.holding));
    $("#pl-kept").setAttribute("d", tried && same ? path(kept.t, kept.equity) : "M0 0");
    $("#pl-new").setAttribute("d", path(shown.t, shown.equity));
    const end = $("#pl-end");
    if (end) {
      const words = number(shown.equity.at(-1), 0);
      end.setAttribute("y", `${(y(shown.equity.at(-1)) / 10).toFixed(2)}%`);
      end.firstChild.setAttribute("width", 14 + 7 * words.length);
      end.lastChild.textContent = words;
    }
  }
  function axes(first, last) {
    const y = (v) => SIZE * (1 - (v - frame.low) / (frame.high - frame.low));
    $("#pl-grid").replaceChildren(...frame.ticks.map((t) => {
      const line = document.createElementNS(SVG, "path");
      line.setAttribute("class", "c-grid");
      line.setAttribute("d", `M0 ${y(t).toFixed(1)}H${SIZE}`);
      return line;
    }));
    const end = document.createElementNS(SVG, "svg"), box = document.createElementNS(SVG, "rect");
    end.id = "pl-end";
    for (const [k, v] of Object.entries({ class: "tagb", x: 0, y: -9, height: 18, rx: 4 })) box.setAttribute(k, v);
    end.append(box, text(6, 4, "", "tagt"));
    const digits = frame.high - frame.low > 20 ? 0 : 2;
    const labels = frame.ticks.map((t) => { const el = text(8, `${(y(t) / 10).toFixed(2)}%`, number(t, digits)); el.setAttribute("dy", 4); return el; });
    $("#pl-y").replaceChildren(...labels, end);
    $("#pl-x").replaceChildren(...moments(first, last).map(([t, words], i) => {
      const at = (100 * (t - first)) / (last - first || 1);
      return text(`${at.toFixed(2)}%`, 14, words, [i % 2 ? "alt" : "", at < 3 ? "st" : ""].join(" ").trim());
    }));
  }

  // Figures and the sentence move with the curve.
  const put = (key, words, tone) => $$(`[data-f="${key}"]`).forEach((el) => {
    if (el.textContent !== words) el.textContent = words;
    if (tone !== undefined) el.className = tone;
  });
  const tone = (v) => (v > 0 ? "ok" : v < 0 ? "bad" : "");
  function tell(found, ms) {
    const f = found.figures;
    for (const key of ["total_return", "buy_and_hold"]) put(key, percent(f[key]), tone(f[key]));
    for (const key of ["realised", "open_result"]) put(key, signed(f[key]), tone(f[key]));
    put("max_drawdown", percent(f.max_drawdown));
    put("final_equity", number(f.final_equity));
    put("lots", `${f.lots.toLocaleString("en-US")} closed, ${f.open_lots} open`);
    put("ms", `${found.bars.toLocaleString("en-US")} bars in ${ms.toFixed(0)} ms`);
    const card = $("#lab-verdict");
    card.dataset.s = "off";
    const tag = $(".tagv", card);
    tag.className = "tagv fillv";
    tag.dataset.s = "off";
    $("use", tag).setAttribute("href", "#i-lab");
    $("span", tag).textContent = "NOT KEPT";
    put("say", `${found.sentence}.`);
    put("proof", `${found.proof}. A moved slider is no trial: run and keep to test it against luck.${found.note ? ` ${found.note}.` : ""}`);
  }

  // One question is on its way at a time; the newest one goes next, those between are dropped.
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  const page = [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");
  let seq = 0, busy = false, next = null, again = 0, told = null;
  // The stream knows nothing of a moved slider: what it draws anew is put right at once.
  addEventListener("coin:tick", () => { if (told) { draw(); tell(told.outcome, told.ms); } });
  function ask() {
    next = { seq: ++seq, at: performance.now() };
    if (!busy) go();
  }
  async function go() {
    const mine = next;
    next = null;
    busy = true;
    clearTimeout(again);
    try {
      const answer = await fetch("/lab/try", {
        method: "POST", headers: { "content-type": "application/json", "X-CSRF-Token": csrf },
        body: JSON.stringify({ page, seq: mine.seq, form: Object.fromEntries([...new FormData(form)].filter(([k]) => k !== "csrf")) }),
      });
      const found = await answer.json();
      if (found.outcome) {
        const c = found.outcome.curve;
        tried = { t: c.times_s, equity: c.equity, holding: c.holding, cash: c.cash };
        told = found;
        draw();
        tell(found.outcome, found.ms);
        requestAnimationFrame(() => setTimeout(() => performance.measure("lab-curve", { start: mine.at, end: performance.now() })));
      } else {
        put("ms", found.wait || found.error || `Not answered (${answer.status})`);
        if (found.wait && !next) again = setTimeout(() => { if (!busy) { next = { seq: ++seq, at: performance.now() }; go(); } }, 600);
      }
    } catch {
      put("ms", "The dashboard does not respond.");
    } finally {
      busy = false;
      if (next) go();
    }
  }

  function changed(el) {
    const set = el.closest("[data-set]");
    if (set && el.matches(".rng")) $("input.num", set).value = String(+(+el.value).toFixed(4));
    if (set && el.matches(".num") && $(".rng", set)) $(".rng", set).value = el.value;
    const hint = set && $("[data-hint]", set), box = set && $("input.num", set);
    if (hint) hint.textContent = +box.value === +box.dataset.def ? "default" : "changed";
  }
  const untried = new Set(["axis1", "axis2", "values1", "values2", "metric", "train", "test"]);
  if (form.hasAttribute("data-tries")) {
    form.addEventListener("input", (e) => { changed(e.target); if (!untried.has(e.target.name) && $("#lab-data").value) ask(); });
    form.addEventListener("pointerdown", (e) => { if (e.target.matches(".rng")) held = true; });
    addEventListener("pointerup", () => { if (held) { held = false; draw(); } });
    let awake = 0;
    form.addEventListener("focusin", () => {
      if (performance.now() - awake < 60000 && awake) return;
      awake = performance.now() || 1;
      fetch("/lab/wake", { method: "POST", headers: { "X-CSRF-Token": csrf } }).catch(() => {});
    });
    if (new URLSearchParams(location.search).has("point")) ask();
  }
  draw();

  // A dropped file goes up in pieces, each where the one before ended; what it holds is looked at elsewhere.
  const PIECE = 512 * 1024, drop = $("#drop"), say = $("#drop-say"), pick = $("#drop-file");
  async function post(path, body, kind) {
    const answer = await fetch(path, { method: "POST", body, headers: { "X-CSRF-Token": csrf, ...(kind ? { "content-type": kind } : {}) } });
    const found = await answer.json();
    if (!answer.ok) throw new Error(found.error || `Not taken (${answer.status}).`);
    return found;
  }
  async function upload(file) {
    try {
      const { id } = await post(`/lab/upload?size=${file.size}`);
      for (let at = 0; at < file.size; ) {
        say.textContent = `${file.name}: ${Math.round((100 * at) / file.size)}${NB}%`;
        ({ at } = await post(`/lab/upload/${id}?at=${at}`, await file.slice(at, at + PIECE).arrayBuffer(), "application/octet-stream"));
      }
      say.textContent = `${file.name} is here and is looked at.`;
      const answer = await fetch("/lab/look", { method: "POST", body: new URLSearchParams({ upload: id, name: file.name, csrf }), redirect: "manual" });
      if (answer.type !== "opaqueredirect" && !answer.ok) throw new Error(`Not taken (${answer.status}).`);
    } catch (error) {
      say.textContent = `${file.name}: ${error.message}`;
    }
  }
  if (drop) {
    for (const name of ["dragenter", "dragover"]) drop.addEventListener(name, (e) => { e.preventDefault(); drop.classList.add("over"); });
    for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("over"));
    drop.addEventListener("drop", (e) => { e.preventDefault(); for (const file of e.dataTransfer.files) upload(file); });
    pick.addEventListener("change", () => { for (const file of pick.files) upload(file); pick.value = ""; });
  }
})();
