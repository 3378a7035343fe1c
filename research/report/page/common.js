"use strict";
const D = JSON.parse(document.getElementById("data").textContent), $ = (id) => document.getElementById(id);
// A custom property holds light-dark(…) unresolved; a probe element resolves it.
const probe = document.body.appendChild(document.createElement("i"));
let ink = {};
function colours() { for (const n of ["ink", "ink2", "ink3", "line", "edge", "ok", "bad", "well", "focus", "card"]) { probe.style.color = `var(--${n})`; ink[n] = getComputedStyle(probe).color; } }
const fmt = (v, d) => v === null || v === undefined ? "—" : (v < 0 && +v.toFixed(d) ? "\u2212" : "") + Math.abs(v).toLocaleString("en-US", { minimumFractionDigits: d, maximumFractionDigits: d });
const signed = (v, d) => v === null || v === undefined ? "—" : (v > 0 && +v.toFixed(d) ? "+" : "") + fmt(v, d);
const day = (s) => new Date(s * 1000).toISOString().slice(0, 10);
function plot(canvas, height, draw) {
  const again = () => {
    const r = devicePixelRatio || 1, w = canvas.clientWidth;
    if (!w) return;
    canvas.width = w * r; canvas.height = height * r; canvas.style.height = height + "px";
    const g = canvas.getContext("2d");
    g.setTransform(r, 0, 0, r, 0, 0); g.clearRect(0, 0, w, height); g.font = "11px system-ui,sans-serif"; g.textBaseline = "middle";
    draw(g, w, height);
  };
  new ResizeObserver(again).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { colours(); again(); });
  return again;
}
// Round steps between two values, about `count` of them.
function steps(low, high, count) {
  const raw = (high - low) / count || 1, scale = 10 ** Math.floor(Math.log10(raw)), step = [1, 2, 5, 10].find((k) => k * scale >= raw) * scale, out = [];
  for (let v = Math.ceil(low / step) * step; v <= high + step * 1e-9; v += step) out.push(Math.abs(v) < step * 1e-9 ? 0 : v);
  return out;
}
const digits = (low, high) => { const span = high - low; return span >= 20 ? 0 : span >= 2 ? 1 : span >= 0.2 ? 2 : 3; };
// One dot for each pair of training and test on one scale, with the line on which both are equal.
function against(g, w, h, pairs, marked) {
  if (pairs.length < 2) { g.fillStyle = ink.ink3; g.textAlign = "left"; g.fillText("Too few points to compare.", 16, 24); return []; }
  const of = (i) => { const v = pairs.map((p) => p[i]).sort((a, b) => a - b), pad = (v[v.length - 1] - v[0]) * 0.06 || 1; return [v[0] - pad, v[v.length - 1] + pad]; };
  const [xl, xh] = of(0), [yl, yh] = of(1), left = 52, bottom = 34, top = 10, right = 14;
  const x = (v) => left + ((v - xl) / (xh - xl)) * (w - left - right), y = (v) => top + ((yh - v) / (yh - yl)) * (h - top - bottom);
  g.strokeStyle = ink.line; g.lineWidth = 1; g.fillStyle = ink.ink3;
  g.textAlign = "right";
  for (const v of steps(yl, yh, 5)) { g.beginPath(); g.moveTo(left, y(v)); g.lineTo(w - right, y(v)); g.stroke(); g.fillText(fmt(v, digits(yl, yh)), left - 6, y(v)); }
  g.textAlign = "center";
  for (const v of steps(xl, xh, Math.max(2, Math.floor(w / 110)))) g.fillText(fmt(v, digits(xl, xh)), x(v), h - bottom + 10);
  g.fillText(`${D.metric}, training`, (left + w - right) / 2, h - 9);
  g.save(); g.translate(9, (h - bottom) / 2); g.rotate(-Math.PI / 2); g.fillText(`${D.metric}, test`, 0, 0); g.restore();
  const from = Math.max(xl, yl), to = Math.min(xh, yh);
  if (from < to) { g.strokeStyle = ink.edge; g.setLineDash([2, 4]); g.beginPath(); g.moveTo(x(from), y(from)); g.lineTo(x(to), y(to)); g.stroke(); g.setLineDash([]); }
  pairs.forEach((p, i) => { g.globalAlpha = i === marked ? 1 : 0.65; g.fillStyle = i === marked ? ink.focus : p[1] > 0 ? ink.ok : ink.bad; g.beginPath(); g.arc(x(p[0]), y(p[1]), i === marked ? 5 : 3, 0, 7); g.fill(); });
  g.globalAlpha = 1;
  return pairs.map((p) => [x(p[0]), y(p[1])]);
}
// As much of a text as fits.
function short(g, text, width) {
  if (g.measureText(text).width <= width) return text;
  let n = text.length;
  while (n > 3 && g.measureText(text.slice(0, n) + "…").width > width) n--;
  return text.slice(0, n) + "…";
}
const nearest = (spots, e) => { let best = -1, far = 400; spots.forEach(([x, y], i) => { const d = (x - e.offsetX) ** 2 + (y - e.offsetY) ** 2; if (d < far) { far = d; best = i; } }); return best; };
colours();
