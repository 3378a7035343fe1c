"use strict";
const D = JSON.parse(document.getElementById("data").textContent), $ = (id) => document.getElementById(id);
const probe = document.body.appendChild(document.createElement("i"));
let ink = {};
function colours() { for (const n of ["ink", "ink3", "line", "ok", "bad", "well", "focus"]) { probe.style.color = `var(--${n})`; ink[n] = getComputedStyle(probe).color; } }
const fmt = (v, d) => v === null || v === undefined ? "—" : (v < 0 ? "\u2212" : "") + Math.abs(v).toLocaleString("en-US", { minimumFractionDigits: d, maximumFractionDigits: d });
const keys = Object.keys(D.axes), known = D.points.filter((p) => p.value !== null);
const low = Math.min(...known.map((p) => p.value)), high = Math.max(...known.map((p) => p.value));
const share = (v) => high > low ? (v - low) / (high - low) : 1;
// Of one sign: from worst to best; of both: from zero to either end.
const deep = (v) => low >= 0 ? share(v) : high <= 0 ? 1 - share(v) : v < 0 ? v / low : v / high;
const tint = (v) => `color-mix(in srgb, ${v < 0 ? ink.bad : ink.ok} ${Math.round(6 + 70 * deep(v))}%, ${ink.well})`;
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
let fields = [];
function heat(g, w, h) {
  const kx = $("x").value, ky = $("y").value, xs = D.axes[kx], ys = kx === ky ? [""] : D.axes[ky], left = 64, bottom = 34;
  const sums = new Map();
  for (const p of known) { const k = p.point[kx] + "|" + (kx === ky ? "" : p.point[ky]); const s = sums.get(k) || [0, 0]; s[0] += p.value; s[1]++; sums.set(k, s); }
  const cw = (w - left - 12) / xs.length, ch = (h - bottom - 10) / ys.length;
  fields = [];
  xs.forEach((x, i) => ys.forEach((y, j) => {
    const s = sums.get(x + "|" + y);
    if (!s) return;
    const v = s[0] / s[1], px = left + i * cw, py = 10 + (ys.length - 1 - j) * ch;
    g.fillStyle = tint(v); g.fillRect(px, py, Math.max(cw - 1, 1), Math.max(ch - 1, 1));
    fields.push([px, py, cw, ch, `${kx} ${x}${kx === ky ? "" : `, ${ky} ${y}`}: ${fmt(v, 3)}${s[1] > 1 ? ` (mean of ${s[1]} points)` : ""}`]);
    if (cw > 44 && ch > 16) { g.fillStyle = ink.ink; g.textAlign = "center"; g.fillText(fmt(v, 2), px + cw / 2, py + ch / 2); }
  }));
  g.fillStyle = ink.ink3; g.textAlign = "center";
  const ex = Math.ceil(44 / cw), ey = Math.ceil(16 / ch);
  xs.forEach((x, i) => { if (i % ex === 0) g.fillText(x, left + (i + 0.5) * cw, h - bottom + 10); });
  g.fillText(kx, left + (w - left) / 2, h - 10);
  g.textAlign = "right";
  ys.forEach((y, j) => { if (j % ey === 0) g.fillText(y, left - 6, 10 + (ys.length - 0.5 - j) * ch); });
}
function around(g, w, h) {
  const best = D.best[0];
  if (!best) return;
  const each = (w - 16) / keys.length;
  keys.forEach((key, k) => {
    const rest = keys.filter((o) => o !== key), line = D.axes[key].map((v) => known.find((p) => p.point[key] === v && rest.every((o) => p.point[o] === best.point[o]))?.value ?? null);
    const x = (i) => 16 + k * each + (i + 0.5) * ((each - 16) / line.length), y = (v) => 26 + (1 - share(v)) * (h - 62);
    g.strokeStyle = ink.line; g.strokeRect(16 + k * each, 18.5, each - 16, h - 46);
    g.strokeStyle = ink.ink; g.lineWidth = 1.5; g.beginPath();
    let on = false;
    line.forEach((v, i) => { if (v === null) { on = false; return; } if (on) g.lineTo(x(i), y(v)); else g.moveTo(x(i), y(v)); on = true; });
    g.stroke();
    line.forEach((v, i) => { if (v !== null) { g.fillStyle = D.axes[key][i] === best.point[key] ? ink.focus : ink.ink; g.beginPath(); g.arc(x(i), y(v), D.axes[key][i] === best.point[key] ? 4 : 2, 0, 7); g.fill(); } });
    g.fillStyle = ink.ink3; g.textAlign = "center"; g.fillText(key, 16 + k * each + (each - 16) / 2, h - 8); g.fillText(`best at ${best.point[key]}`, 16 + k * each + (each - 16) / 2, 8);
  });
}
function lines(g, w, h) {
  const columns = [...keys, D.metric], x = (i) => 60 + i * ((w - 120) / Math.max(columns.length - 1, 1)), spot = (values, v) => values.length > 1 ? values.indexOf(v) / (values.length - 1) : 0.5;
  const sorted = [...known].sort((a, b) => a.value - b.value).slice(-2000);
  for (const p of sorted) {
    const s = share(p.value);
    g.globalAlpha = 0.05 + 0.75 * s ** 3; g.strokeStyle = s > 0.9 ? ink.ok : ink.ink; g.beginPath();
    columns.forEach((c, i) => { const v = i < keys.length ? spot(D.axes[c], p.point[c]) : s; const y = 30 + (1 - v) * (h - 60); if (i) g.lineTo(x(i), y); else g.moveTo(x(i), y); });
    g.stroke();
  }
  g.globalAlpha = 1; g.textAlign = "center";
  columns.forEach((c, i) => {
    g.strokeStyle = ink.line; g.beginPath(); g.moveTo(x(i), 30); g.lineTo(x(i), h - 30); g.stroke();
    g.fillStyle = ink.ink3; g.fillText(c, x(i), h - 8);
    g.fillText(i < keys.length ? D.axes[c][D.axes[c].length - 1] : fmt(high, 2), x(i), 14); g.fillText(i < keys.length ? D.axes[c][0] : fmt(low, 2), x(i), h - 21);
  });
}
colours();
for (const id of ["x", "y"]) for (const key of keys) $(id).add(new Option(key, key));
$("y").selectedIndex = Math.min(1, keys.length - 1);
const again = plot($("heat"), 320, heat);
for (const id of ["x", "y"]) $(id).addEventListener("change", again);
$("heat").addEventListener("pointermove", (e) => { const f = fields.find(([x, y, w, h]) => e.offsetX >= x && e.offsetX < x + w && e.offsetY >= y && e.offsetY < y + h); $("heat-tip").textContent = f ? f[4] : ""; });
plot($("around"), 346, around); plot($("lines"), 300, lines);
$("best").innerHTML = `<thead><tr>${[...keys, ...D.columns].map((k) => `<th>${k}</th>`).join("")}</tr></thead><tbody>${D.best.map((p) => `<tr>${keys.map((k) => `<td>${p.point[k]}</td>`).join("")}${D.columns.map((c) => `<td>${fmt(p.figures[c], c === "lots" ? 0 : 3)}</td>`).join("")}</tr>`).join("")}</tbody>`;
document.body.dataset.state = "ready";
