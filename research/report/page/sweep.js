const keys = Object.keys(D.axes), known = D.points.filter((p) => p.value !== null);
const low = Math.min(...known.map((p) => p.value)), high = Math.max(...known.map((p) => p.value));
const share = (v) => high > low ? (v - low) / (high - low) : 1;
// Of one sign: from worst to best; of both: from zero to either end.
const deep = (v) => low >= 0 ? share(v) : high <= 0 ? 1 - share(v) : v < 0 ? v / low : v / high;
const tint = (v) => `color-mix(in srgb, ${v < 0 ? ink.bad : ink.ok} ${Math.round(6 + 70 * deep(v))}%, ${ink.well})`;
const idle = "Hover over a dot.";
$("heat-tip").textContent = "Hover over a cell."; $("split-tip").textContent = idle;
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
  const across = Math.min(keys.length, Math.max(1, Math.floor((w - 16) / 120))), down = Math.ceil(keys.length / across), wide = (w - 16) / across, tall = (h - 12) / down;
  keys.forEach((key, k) => {
    const rest = keys.filter((o) => o !== key), line = D.axes[key].map((v) => known.find((p) => p.point[key] === v && rest.every((o) => p.point[o] === best.point[o]))?.value ?? null);
    const left = 16 + (k % across) * wide, top = 18 + Math.floor(k / across) * tall, width = wide - 16, height = tall - 38;
    const x = (i) => left + (i + 0.5) * (width / line.length), y = (v) => top + 8 + (1 - share(v)) * (height - 16);
    g.strokeStyle = ink.line; g.lineWidth = 1; g.strokeRect(left + 0.5, top + 0.5, width, height);
    g.strokeStyle = ink.ink; g.lineWidth = 1.5; g.beginPath();
    let on = false;
    line.forEach((v, i) => { if (v === null) { on = false; return; } if (on) g.lineTo(x(i), y(v)); else g.moveTo(x(i), y(v)); on = true; });
    g.stroke();
    line.forEach((v, i) => { if (v !== null) { g.fillStyle = D.axes[key][i] === best.point[key] ? ink.focus : ink.ink; g.beginPath(); g.arc(x(i), y(v), D.axes[key][i] === best.point[key] ? 4 : 2, 0, 7); g.fill(); } });
    g.fillStyle = ink.ink3; g.textAlign = "center"; g.fillText(short(g, key, wide - 6), left + width / 2, top + height + 11); g.fillText(`best at ${best.point[key]}`, left + width / 2, top - 9);
  });
}
function lines(g, w, h) {
  const columns = [...keys, D.metric], x = (i) => 60 + i * ((w - 120) / Math.max(columns.length - 1, 1)), spot = (values, v) => values.length > 1 ? values.indexOf(v) / (values.length - 1) : 0.5;
  const sorted = [...known].sort((a, b) => a.value - b.value).slice(-2000);
  for (const p of sorted) {
    const s = share(p.value);
    g.globalAlpha = 0.05 + 0.75 * s ** 3; g.strokeStyle = s > 0.9 ? ink.ok : ink.ink; g.beginPath();
    columns.forEach((c, i) => { const v = i < keys.length ? spot(D.axes[c], p.point[c]) : s; const y = 30 + (1 - v) * (h - 76); if (i) g.lineTo(x(i), y); else g.moveTo(x(i), y); });
    g.stroke();
  }
  g.globalAlpha = 1; g.textAlign = "center";
  columns.forEach((c, i) => {
    g.strokeStyle = ink.line; g.beginPath(); g.moveTo(x(i), 30); g.lineTo(x(i), h - 46); g.stroke();
    g.fillStyle = ink.ink3; const apart = x(1) - x(0), narrow = columns.length > 1 && apart < 150;
    // Names stand in two rows where they would meet.
    g.textAlign = i === 0 && narrow ? "left" : i === columns.length - 1 && narrow ? "right" : "center";
    g.fillText(short(g, c, narrow ? 2 * apart - 12 : apart), i === 0 && narrow ? 8 : i === columns.length - 1 && narrow ? w - 8 : x(i), narrow && i % 2 ? h - 20 : h - 7);
    g.textAlign = "center";
    g.fillText(i < keys.length ? D.axes[c][D.axes[c].length - 1] : fmt(high, 2), x(i), 14); g.fillText(i < keys.length ? D.axes[c][0] : fmt(low, 2), x(i), h - 36);
  });
}
for (const id of ["x", "y"]) for (const key of keys) $(id).add(new Option(key, key));
$("y").selectedIndex = Math.min(1, keys.length - 1);
const again = plot($("heat"), 320, heat);
for (const id of ["x", "y"]) $(id).addEventListener("change", again);
$("heat").addEventListener("pointermove", (e) => { const f = fields.find(([x, y, w, h]) => e.offsetX >= x && e.offsetX < x + w && e.offsetY >= y && e.offsetY < y + h); $("heat-tip").textContent = f ? f[4] : "Hover over a cell."; });
plot($("around"), 346, around);
if (D.split) {
  let spots = [];
  const pairs = D.split.rows.map((r) => [r[1], r[2], r[0]]), best = D.best.length ? pairs.findIndex((p) => keys.every((k) => p[2][k] === D.best[0].point[k])) : -1;
  plot($("split"), 320, (g, w, h) => { spots = against(g, w, h, pairs, best); });
  $("split").addEventListener("pointermove", (e) => { const i = nearest(spots, e); $("split-tip").textContent = i < 0 ? idle : `${keys.map((k) => `${k} ${pairs[i][2][k]}`).join(", ")}: training ${fmt(pairs[i][0], 3)}, test ${fmt(pairs[i][1], 3)}`; });
} else $("split-card").remove();
 plot($("lines"), 300, lines);
const percent = ["total_return", "buy_and_hold", "max_drawdown", "exposure", "cagr"], cell = (c, v) => v === null || v === undefined ? "—" : c === "lots" || c === "open_lots" ? fmt(v, 0) : c === "fees" ? fmt(v, 2) : percent.includes(c) ? `${c === "exposure" ? fmt(v * 100, 2) : signed(v * 100, 2)} %` : fmt(v, 3);
$("best").innerHTML = `<thead><tr>${[...keys, ...D.columns].map((k) => `<th>${k}</th>`).join("")}</tr></thead><tbody>${D.best.map((p) => `<tr>${keys.map((k) => `<td>${p.point[k]}</td>`).join("")}${D.columns.map((c) => `<td>${cell(c, p.figures[c])}</td>`).join("")}</tr>`).join("")}</tbody>`;
document.body.dataset.state = "ready";
