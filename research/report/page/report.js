"use strict";
const D = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
// A custom property holds light-dark(…) unresolved; a probe element resolves it.
const probe = document.createElement("i");
document.body.append(probe);
let ink = {};
function colours() {
  ink = {};
  for (const name of ["ink", "ink2", "ink3", "line", "ok", "bad", "warn", "focus", "card", "edge", "well"]) {
    probe.style.color = `var(--${name})`;
    ink[name] = getComputedStyle(probe).color;
  }
}
const fmt = (value, digits) => (value < 0 ? "\u2212" : "") + Math.abs(value).toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
const signed = (value, digits) => (Math.abs(value) < 0.5 * 10 ** -digits ? fmt(0, digits) : (value > 0 ? "+" : "") + fmt(value, digits));
const when = (s, seconds) => new Date(s * 1000).toISOString().replace("T", " ").slice(0, seconds ? 19 : 16);

async function bytes(text) {
  const raw = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([raw]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
async function unpack(p) {
  const parts = [];
  for (const f of p.fields) {
    const b = await bytes(f.z), out = new Int32Array(p.n), n = p.n;
    if (f.w === 2) for (let i = 0; i < n; i++) out[i] = ((b[i] | (b[n + i] << 8)) << 16) >> 16;
    else for (let i = 0; i < n; i++) out[i] = b[i] | (b[n + i] << 8) | (b[2 * n + i] << 16) | (b[3 * n + i] << 24);
    parts.push(out);
  }
  const [dt, dop, body, up, down] = parts;
  const t = new Float64Array(p.n), o = new Float64Array(p.n), h = new Float64Array(p.n), l = new Float64Array(p.n), c = new Float64Array(p.n);
  let at = p.t0, last = p.c0;
  for (let i = 0; i < p.n; i++) {
    at += dt[i] * p.step;
    t[i] = at; o[i] = last + dop[i]; c[i] = o[i] + body[i];
    h[i] = Math.max(o[i], c[i]) + up[i]; l[i] = Math.min(o[i], c[i]) - down[i];
    last = c[i];
  }
  return { ...p, t, o, h, l, c };
}
function first(array, value) {
  let low = 0, high = array.length;
  while (low < high) { const mid = (low + high) >> 1; if (array[mid] < value) low = mid + 1; else high = mid; }
  return low;
}

// The stretch of time that price and equity show together.
const view = { from: 0, to: 1, low: 0, high: 1 };
const charts = [];
let frame = 0;
function redraw() {
  if (!frame) frame = requestAnimationFrame(() => { frame = 0; for (const chart of charts) chart.draw(); });
}
function show(from, to) {
  const least = 20 * D.granularity_s, all = view.high - view.low;
  const span = Math.min(Math.max(to - from, least), all);
  const middle = (from + to) / 2;
  view.from = Math.min(Math.max(middle - span / 2, view.low), view.high - span);
  view.to = view.from + span;
  redraw();
}

class Chart {
  constructor(canvas, height) {
    this.canvas = canvas; this.height = height; this.left = 8; this.right = 74; this.bottom = 22; this.top = 8; this.cursor = null;
    canvas.tabIndex = 0;
    new ResizeObserver(() => this.draw()).observe(canvas);
    canvas.addEventListener("wheel", (e) => {
      if (!e.ctrlKey && !e.metaKey && Math.abs(e.deltaX) <= Math.abs(e.deltaY) && !e.shiftKey && document.activeElement !== canvas) return;
      e.preventDefault();
      if (Math.abs(e.deltaX) > Math.abs(e.deltaY)) { const by = (e.deltaX / this.width) * (view.to - view.from); show(view.from + by, view.to + by); return; }
      const at = this.time(e.offsetX), k = Math.exp(e.deltaY * 0.0015);
      show(at - (at - view.from) * k, at + (view.to - at) * k);
    }, { passive: false });
    let held = null;
    canvas.addEventListener("pointerdown", (e) => { held = { x: e.offsetX, from: view.from, to: view.to }; canvas.setPointerCapture(e.pointerId); });
    canvas.addEventListener("pointerup", () => { held = null; });
    canvas.addEventListener("pointermove", (e) => {
      this.cursor = e.offsetX;
      if (held) { const by = ((held.x - e.offsetX) / this.width) * (held.to - held.from); show(held.from + by, held.to + by); }
      redraw();
    });
    canvas.addEventListener("pointerleave", () => { this.cursor = null; redraw(); });
    canvas.addEventListener("dblclick", () => show(view.low, view.high));
    canvas.addEventListener("keydown", (e) => {
      const span = view.to - view.from, middle = (view.from + view.to) / 2;
      const moves = { ArrowLeft: [-0.2, 1], ArrowRight: [0.2, 1], ArrowUp: [0, 0.6], ArrowDown: [0, 1.7], "+": [0, 0.6], "-": [0, 1.7], Home: [0, 1e9], 0: [0, 1e9] };
      const move = moves[e.key];
      if (!move) return;
      e.preventDefault();
      show(middle + move[0] * span - (span * move[1]) / 2, middle + move[0] * span + (span * move[1]) / 2);
    });
    charts.push(this);
  }
  get width() { return this.canvas.clientWidth - this.left - this.right; }
  time(x) { return view.from + ((x - this.left) / this.width) * (view.to - view.from); }
  x(t) { return this.left + ((t - view.from) / (view.to - view.from)) * this.width; }
  begin(low, high) {
    const ratio = devicePixelRatio || 1, wide = this.canvas.clientWidth;
    if (this.canvas.width !== Math.round(wide * ratio) || this.canvas.height !== Math.round(this.height * ratio)) {
      this.canvas.width = Math.round(wide * ratio); this.canvas.height = Math.round(this.height * ratio);
      this.canvas.style.height = this.height + "px";
    }
    const g = this.canvas.getContext("2d");
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.clearRect(0, 0, wide, this.height);
    const pad = (high - low) * 0.05 || Math.abs(high) * 0.01 || 1;
    this.low = low - pad; this.high = high + pad;
    return g;
  }
  y(v) { return this.top + ((this.high - v) / (this.high - this.low)) * (this.height - this.top - this.bottom); }
  axes(g, digits, unit) {
    g.font = "11px system-ui,sans-serif"; g.fillStyle = ink.ink3; g.strokeStyle = ink.line; g.lineWidth = 1; g.textBaseline = "middle"; g.textAlign = "left";
    const rows = Math.max(2, Math.floor(this.height / 60)), raw = (this.high - this.low) / rows, scale = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].find((k) => k * scale >= raw) * scale;
    for (let v = Math.ceil(this.low / step) * step; v <= this.high; v += step) {
      const y = Math.round(this.y(v)) + 0.5;
      g.beginPath(); g.moveTo(this.left, y); g.lineTo(this.left + this.width, y); g.stroke();
      g.fillText(fmt(v, step >= 1 ? 0 : digits) + (unit || ""), this.left + this.width + 8, y);
    }
    const spans = [60, 300, 900, 3600, 14400, 43200, 86400, 7 * 86400, 30 * 86400, 91 * 86400, 365 * 86400];
    const want = (view.to - view.from) / Math.max(2, this.width / 120), every = spans.find((s) => s >= want) || spans[spans.length - 1];
    g.textAlign = "center";
    for (let t = Math.ceil(view.from / every) * every; t <= view.to; t += every) {
      const x = this.x(t), text = when(t);
      if (x < this.left + 30 || x > this.left + this.width - 30) continue;
      g.fillText(every >= 86400 ? text.slice(0, 10) : text.slice(5), x, this.height - this.bottom / 2);
    }
  }
  cross(g) {
    if (this.cursor === null || this.cursor < this.left || this.cursor > this.left + this.width) return null;
    g.strokeStyle = ink.edge; g.setLineDash([3, 3]);
    g.beginPath(); g.moveTo(this.cursor + 0.5, this.top); g.lineTo(this.cursor + 0.5, this.height - this.bottom); g.stroke();
    g.setLineDash([]);
    return this.time(this.cursor);
  }
}

class Price extends Chart {
  draw() {
    const p = this.data;
    if (!p || !this.width) return;
    const a = Math.max(first(p.t, view.from) - 1, 0), b = Math.min(first(p.t, view.to) + 1, p.n);
    let low = Infinity, high = -Infinity;
    for (let i = a; i < b; i++) { if (p.l[i] < low) low = p.l[i]; if (p.h[i] > high) high = p.h[i]; }
    if (a >= b) { low = 0; high = 1; }
    const g = this.begin(low * p.tick, high * p.tick);
    this.axes(g, p.decimals);
    g.save(); g.beginPath(); g.rect(this.left, 0, this.width, this.height - this.bottom); g.clip();
    const each = (p.step * p.bars) / (view.to - view.from) * this.width;
    if (each > 3) this.candles(g, p, a, b, each); else this.ranges(g, p, a, b);
    this.lots(g, p);
    g.restore();
    const at = this.cross(g);
    if (at === null) { $("price-tip").textContent = "Drag to move, pinch or Ctrl + wheel to zoom, double click for everything; keys: arrows, 0."; return; }
    const i = Math.min(Math.max(first(p.t, at) - 1, 0), p.n - 1), v = (x) => fmt(x * p.tick, p.decimals);
    $("price-tip").textContent = `${when(p.t[i])} UTC  open ${v(p.o[i])}  high ${v(p.h[i])}  low ${v(p.l[i])}  close ${v(p.c[i])}`;
  }
  candles(g, p, a, b, each) {
    const w = Math.max(1, Math.min(each * 0.7, 14));
    for (let i = a; i < b; i++) {
      const x = this.x(p.t[i] + (p.step * p.bars) / 2);
      g.strokeStyle = g.fillStyle = p.c[i] >= p.o[i] ? ink.ink2 : ink.ink3;
      g.beginPath(); g.moveTo(x, this.y(p.h[i] * p.tick)); g.lineTo(x, this.y(p.l[i] * p.tick)); g.stroke();
      const y = this.y(Math.max(p.o[i], p.c[i]) * p.tick), to = this.y(Math.min(p.o[i], p.c[i]) * p.tick);
      if (p.c[i] >= p.o[i]) { g.fillStyle = ink.card; g.fillRect(x - w / 2, y, w, Math.max(to - y, 1)); g.strokeRect(x - w / 2, y, w, Math.max(to - y, 1)); }
      else g.fillRect(x - w / 2, y, w, Math.max(to - y, 1));
    }
  }
  ranges(g, p, a, b) {
    g.fillStyle = ink.ink3;
    const span = (view.to - view.from) / this.width;
    let i = a;
    for (let px = 0; px < this.width && i < b; px++) {
      const end = view.from + (px + 1) * span;
      let low = Infinity, high = -Infinity;
      while (i < b && p.t[i] < end) { if (p.l[i] < low) low = p.l[i]; if (p.h[i] > high) high = p.h[i]; i++; }
      if (low < Infinity) { const y = this.y(high * p.tick); g.fillRect(this.left + px, y, 1, Math.max(this.y(low * p.tick) - y, 1)); }
    }
  }
  lots(g, p) {
    const L = D.lots, shown = [];
    for (let k = 0; k < L.entry.length; k++) {
      if (L.product[k] !== this.product) continue;
      const end = L.closed[k] || view.high;
      if (end >= view.from && L.opened[k] <= view.to) shown.push(k);
    }
    g.lineWidth = 1; g.globalAlpha = shown.length > 600 ? 0.35 : 0.8;
    for (const k of shown) {
      const open = !L.closed[k], x = this.x(L.opened[k]), y = this.y(L.entry[k] * p.tick), x2 = this.x(L.closed[k] || view.high);
      const y2 = open ? y : this.y(L.exit[k] * p.tick);
      g.strokeStyle = open ? ink.focus : L.pnl[k] > 0 ? ink.ok : ink.bad;
      g.setLineDash(open ? [4, 4] : []);
      g.beginPath(); g.moveTo(x, y); g.lineTo(x2, y2); g.stroke(); g.setLineDash([]);
      if (shown.length > 600) continue;
      g.fillStyle = ink.ink; g.beginPath(); g.moveTo(x, y - 5); g.lineTo(x - 4, y + 3); g.lineTo(x + 4, y + 3); g.fill();
      if (open) continue;
      g.fillStyle = g.strokeStyle; g.beginPath();
      if (L.pnl[k] > 0) g.arc(x2, y2, 3.5, 0, 7); else { g.moveTo(x2, y2 - 4.5); g.lineTo(x2 + 4.5, y2); g.lineTo(x2, y2 + 4.5); g.lineTo(x2 - 4.5, y2); }
      g.fill();
    }
    g.globalAlpha = 1;
  }
}

class Equity extends Chart {
  draw() {
    const C = D.curve;
    if (!this.width) return;
    const a = Math.max(first(C.t, view.from) - 1, 0), b = Math.min(first(C.t, view.to) + 1, C.t.length);
    const values = this.values, cut = values.slice(a, b);
    const base = this.base;
    let low = Math.min(...cut, base ?? Infinity), high = Math.max(...cut, base ?? -Infinity);
    const g = this.begin(low, high);
    this.axes(g, 2, this.unit);
    g.save(); g.beginPath(); g.rect(this.left, 0, this.width, this.height - this.bottom); g.clip();
    const ground = this.y(base ?? 0);
    g.beginPath();
    for (let i = a; i < b; i++) { const x = this.x(C.t[i]), y = this.y(values[i]); if (i === a) g.moveTo(x, y); else g.lineTo(x, y); }
    g.strokeStyle = this.colour === "bad" ? ink.bad : ink.ink; g.lineWidth = 1.5; g.lineJoin = "round"; g.stroke();
    if (this.colour === "bad" && b > a) { g.lineTo(this.x(C.t[b - 1]), ground); g.lineTo(this.x(C.t[a]), ground); g.globalAlpha = 0.12; g.fillStyle = ink.bad; g.fill(); g.globalAlpha = 1; }
    if (base !== undefined) { g.strokeStyle = ink.edge; g.lineWidth = 1; g.setLineDash([2, 4]); g.beginPath(); g.moveTo(this.left, ground); g.lineTo(this.left + this.width, ground); g.stroke(); g.setLineDash([]); }
    g.restore();
    const at = this.cross(g);
    if (at === null) { $(this.tip).textContent = this.idle; return; }
    const i = Math.min(first(C.t, at), C.t.length - 1);
    $(this.tip).textContent = `${when(C.t[i])} UTC  equity ${fmt(C.equity[i], 2)}  in lots ${fmt(C.held[i], 2)}  drawdown ${fmt(C.down[i], 2)} %`;
  }
}

function months() {
  const by = new Map();
  for (const m of D.months) { const [y, k] = m.month.split("-"); if (!by.has(y)) by.set(y, Array(12).fill(null)); by.get(y)[+k - 1] = m.return; }
  const most = Math.max(1, ...D.months.map((m) => Math.abs(m.return)));
  const names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  let html = `<thead><tr><th></th>${names.map((n) => `<th>${n}</th>`).join("")}<th>Year</th></tr></thead><tbody>`;
  for (const [year, row] of by) {
    const all = (row.reduce((p, r) => p * (1 + (r ?? 0) / 100), 1) - 1) * 100;
    const cell = (r) => r === null ? "<td></td>" : `<td class="v" style="background:color-mix(in srgb,var(--${r < 0 ? "bad" : "ok"}) ${Math.round((Math.abs(r) / most) * 38)}%,transparent)">${signed(r, 1)}</td>`;
    html += `<tr><td>${year}</td>${row.map(cell).join("")}<td><b>${signed(all, 1)}</b></td></tr>`;
  }
  $("months").innerHTML = html + "</tbody>";
}
function plot(canvas, height, draw) {
  const again = () => {
    const ratio = devicePixelRatio || 1, w = canvas.clientWidth;
    if (!w) return;
    canvas.width = w * ratio; canvas.height = height * ratio; canvas.style.height = height + "px";
    const g = canvas.getContext("2d");
    g.setTransform(ratio, 0, 0, ratio, 0, 0); g.font = "11px system-ui,sans-serif"; g.clearRect(0, 0, w, height);
    draw(g, w, height);
  };
  new ResizeObserver(again).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { colours(); again(); });
}
function spread(g, w, h) {
  const all = D.lots.pnl;
  if (all.length < 2) { g.fillStyle = ink.ink3; g.fillText("Too few lots.", 16, 24); return; }
  const sorted = [...all].sort((a, b) => a - b), low = sorted[Math.floor(sorted.length * 0.005)], high = sorted[Math.ceil(sorted.length * 0.995) - 1];
  const bins = Math.min(60, Math.max(10, Math.round(Math.sqrt(all.length)))), size = (high - low) / bins || 1, count = Array(bins).fill(0);
  for (const v of all) count[Math.min(bins - 1, Math.max(0, Math.floor((v - low) / size)))]++;
  const most = Math.max(...count), wide = (w - 32) / bins;
  count.forEach((n, i) => {
    const tall = (n / most) * (h - 40);
    g.fillStyle = low + (i + 0.5) * size > 0 ? ink.ok : ink.bad;
    g.fillRect(16 + i * wide, h - 24 - tall, Math.max(wide - 1, 1), tall);
  });
  g.fillStyle = ink.ink3; g.textBaseline = "middle";
  g.textAlign = "left"; g.fillText(signed(low, 2), 16, h - 11); g.textAlign = "right"; g.fillText(signed(high, 2) + " " + D.currency, w - 16, h - 11);
  g.textAlign = "center"; g.fillText(`most in one bar: ${most}`, w / 2, h - 11);
}
function excursions(g, w, h) {
  const L = D.lots, far = (a, q) => { const s = a.map(Math.abs).sort((x, y) => x - y); return s[Math.floor((s.length - 1) * q)] || 1; };
  if (!L.mae.length) { g.fillStyle = ink.ink3; g.fillText("No lots.", 16, 24); return; }
  const mx = far(L.mae, 0.99) * 1.05, my = far(L.mfe, 0.99) * 1.05, left = 44, bottom = 28;
  g.strokeStyle = ink.line; g.strokeRect(left + 0.5, 8.5, w - left - 16, h - bottom - 8);
  g.fillStyle = ink.ink3; g.textBaseline = "middle"; g.textAlign = "center"; g.fillText("furthest against (MAE), %", (w + left) / 2, h - 10);
  g.save(); g.translate(10, (h - bottom) / 2); g.rotate(-Math.PI / 2); g.fillText("furthest for (MFE), %", 0, 0); g.restore();
  g.textAlign = "left"; g.fillText(fmt(-mx, 1), left, h - 10); g.textAlign = "right"; g.fillText("0", w - 16, h - 10); g.fillText(fmt(my, 1), left - 4, 14);
  g.globalAlpha = L.mae.length > 800 ? 0.35 : 0.7;
  for (let k = 0; k < L.mae.length; k++) {
    g.fillStyle = !L.closed[k] ? ink.focus : L.pnl[k] > 0 ? ink.ok : ink.bad;
    g.fillRect(left + Math.max(0, 1 + L.mae[k] / mx) * (w - left - 16) - 1, 8 + Math.max(0, 1 - L.mfe[k] / my) * (h - bottom - 8) - 1, 3, 3);
  }
  g.globalAlpha = 1;
}
let page = 0, only = "all";
function table() {
  const L = D.lots, size = 50;
  const rows = [];
  for (let k = L.entry.length - 1; k >= 0; k--) if (only === "all" || (only === "wins" ? L.pnl[k] > 0 : only === "losses" ? L.pnl[k] <= 0 : L.reason[k] === only)) rows.push(k);
  const pages = Math.max(1, Math.ceil(rows.length / size));
  page = Math.min(Math.max(page, 0), pages - 1);
  const cells = rows.slice(page * size, page * size + size).map((k) => {
    const p = D.products[L.product[k]], v = (x) => fmt(x * p.tick, p.decimals);
    const pnl = `<td class="${L.pnl[k] > 0 ? "up" : "down"}">${signed(L.pnl[k], 2)}</td>`;
    return `<tr><td>${when(L.opened[k], true)}</td><td class="l">${p.id}</td><td class="l">${D.weights ? "holding" : L.runner[k] ? "runner" : "scalp"}</td><td>${L.size[k]}</td><td>${v(L.entry[k])}</td><td>${L.closed[k] ? v(L.exit[k]) : "—"}</td><td class="l">${L.closed[k] ? when(L.closed[k], true) : "—"}</td><td class="l">${L.reason[k]}</td><td>${fmt(L.fees[k], 2)}</td>${pnl}<td>${fmt(L.mae[k], 2)}</td><td>${fmt(L.mfe[k], 2)}</td></tr>`;
  });
  $("lots").innerHTML = cells.join("") || '<tr><td colspan="12" class="m">No lots.</td></tr>';
  $("page").textContent = `${rows.length.toLocaleString("en-US")} lots, page ${page + 1} of ${pages}`;
  $("prev").setAttribute("aria-disabled", page === 0); $("next").setAttribute("aria-disabled", page === pages - 1);
}

(async () => {
  colours();
  document.body.dataset.state = "loading";
  view.low = view.from = D.curve.t[0] - D.granularity_s; view.high = view.to = D.curve.t[D.curve.t.length - 1];
  const price = new Price($("price"), Math.max(260, Math.min(420, innerHeight * 0.5)));
  const equity = new Equity($("equity"), 200), down = new Equity($("down"), 130);
  Object.assign(equity, { values: D.curve.equity, base: D.curve.start, tip: "equity-tip", idle: `One point per ${D.curve.each} bars.` });
  Object.assign(down, { values: D.curve.down, base: 0, colour: "bad", unit: " %", tip: "equity-tip", idle: equity.idle });
  if (D.weights) {
    $("part").hidden = $("part-name").hidden = false;
    Object.assign(new Equity($("part"), 90), { values: D.curve.part, base: 0, unit: " %", tip: "equity-tip", idle: equity.idle });
  }
  const unpacked = [];
  const select = async (k) => { unpacked[k] ??= await unpack(D.products[k]); price.data = unpacked[k]; price.product = k; redraw(); };
  const choice = $("product");
  D.products.forEach((p, k) => choice.add(new Option(p.id, k)));
  choice.hidden = D.products.length < 2;
  choice.addEventListener("change", () => select(+choice.value));
  months();
  plot($("spread"), 200, spread); plot($("excursions"), 200, excursions);
  $("prev").addEventListener("click", () => { page--; table(); }); $("next").addEventListener("click", () => { page++; table(); });
  $("only").addEventListener("change", (e) => { only = e.target.value; page = 0; table(); });
  table();
  await select(0);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { colours(); redraw(); });
  document.body.dataset.state = "ready";
})();
