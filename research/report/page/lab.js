const E = D.equity, n = E.run.length;
const nothing = (g, text) => { g.fillStyle = ink.ink3; g.textAlign = "left"; g.fillText(text, 16, 24); };
const dayOf = (i) => day((E.first_day + i) * 86400);
const lines = [["run", "this run", () => ink.ink, 1.5], ["holding", "buy and hold", () => ink.focus, 1.2], ["cash", "cash", () => ink.edge, 1]];
let scaleX = null;
function equity(g, w, h) {
  if (n < 2) return nothing(g, "Too few days.");
  const left = 8, right = 62, top = 26, bottom = 24, every = [...E.run, ...E.holding, ...E.cash], low = Math.min(...every), high = Math.max(...every), pad = (high - low) * 0.06 || 1;
  const x = (i) => left + (i / (n - 1)) * (w - left - right), y = (v) => top + ((high + pad - v) / (high - low + 2 * pad)) * (h - top - bottom);
  scaleX = (px) => Math.max(0, Math.min(n - 1, Math.round(((px - left) / (w - left - right)) * (n - 1))));
  if (E.holdout_at !== null) { g.fillStyle = ink.well; g.fillRect(x(E.holdout_at), top, x(n - 1) - x(E.holdout_at), h - top - bottom); }
  g.strokeStyle = ink.line; g.lineWidth = 1; g.fillStyle = ink.ink3; g.textAlign = "left";
  for (const v of steps(low - pad, high + pad, 5)) { g.beginPath(); g.moveTo(left, Math.round(y(v)) + 0.5); g.lineTo(w - right, Math.round(y(v)) + 0.5); g.stroke(); g.fillText(fmt(v, digits(low, high)), w - right + 6, y(v)); }
  for (const [key, , colour, width] of lines) { g.strokeStyle = colour(); g.lineWidth = width; g.setLineDash(key === "cash" ? [2, 4] : []); g.beginPath(); E[key].forEach((v, i) => { if (i) g.lineTo(x(i), y(v)); else g.moveTo(x(i), y(v)); }); g.stroke(); }
  g.setLineDash([]);
  let at = left;
  for (const [, name, colour] of lines) { g.fillStyle = colour(); g.fillRect(at, 9, 12, 3); g.fillStyle = ink.ink2; g.fillText(name, at + 17, 11); at += g.measureText(name).width + 36; }
  g.fillStyle = ink.ink3; g.textAlign = "center";
  const count = Math.max(2, Math.floor(w / 140));
  for (let k = 0; k < count; k++) { const i = Math.round(((k + 0.5) / count) * (n - 1)); g.fillText(dayOf(i), x(i), h - 10); }
}
function bars(g, w, h, values, unit, empty) {
  if (!values.length) return nothing(g, empty);
  const left = 8, right = 62, top = 10, bottom = 22, most = Math.max(...values.map((b) => Math.abs(b[1])), 1e-9), middle = (top + h - bottom) / 2, tall = (h - top - bottom) / 2, each = (w - left - right) / values.length;
  g.strokeStyle = ink.line; g.lineWidth = 1; g.beginPath(); g.moveTo(left, middle); g.lineTo(w - right, middle); g.stroke();
  values.forEach(([, v], i) => { const size = (v / most) * tall; g.fillStyle = v < 0 ? ink.bad : ink.ok; g.fillRect(left + i * each + 1, middle - Math.max(size, 0), Math.max(each - 2, 1), Math.abs(size)); });
  g.fillStyle = ink.ink3; g.textAlign = "left"; g.fillText(`± ${fmt(most, digits(0, most))} ${unit}`, w - right + 6, middle);
  g.textAlign = "center";
  const step = Math.ceil(values.length / Math.max(2, Math.floor(w / 130)));
  values.forEach(([s], i) => { if (i % step === 0 && left + (i + 0.5) * each > 36) g.fillText(day(s), left + (i + 0.5) * each, h - 9); });
}
// Counts in equal steps, with marked places: [value, text, colour].
function histogram(g, w, h, values, marks, shade, label) {
  if (values.length < 2) return nothing(g, "Too few to show.");
  const left = 14, right = 14, top = 44, bottom = 36, all = [...values, ...marks.map((m) => m[0])], low = Math.min(...all), high = Math.max(...all), span = high - low || 1, count = Math.min(40, Math.max(8, Math.round(Math.sqrt(values.length) * 2)));
  const held = new Array(count).fill(0);
  for (const v of values) held[Math.min(count - 1, Math.floor(((v - low) / span) * count))]++;
  const most = Math.max(...held), x = (v) => left + ((v - low) / span) * (w - left - right), tall = h - top - bottom;
  held.forEach((c, i) => { const a = left + (i / count) * (w - left - right), b = left + ((i + 1) / count) * (w - left - right), size = (c / most) * tall, centre = low + ((i + 0.5) / count) * span; g.fillStyle = shade(centre); g.globalAlpha = 0.75; g.fillRect(a + 0.5, top + tall - size, Math.max(b - a - 1, 1), size); });
  g.globalAlpha = 1; g.fillStyle = ink.ink3; g.textAlign = "center";
  for (const v of steps(low, high, Math.max(2, Math.floor(w / 90)))) g.fillText(fmt(v, digits(low, high)), x(v), h - bottom + 12);
  g.fillText(label, w / 2, h - 9);
  marks.forEach(([v, text, colour], i) => { g.strokeStyle = colour; g.lineWidth = 1.5; g.beginPath(); g.moveTo(x(v), 12 + i * 16); g.lineTo(x(v), top + tall); g.stroke(); const right_ = x(v) > w / 2; g.fillStyle = colour; g.textAlign = right_ ? "right" : "left"; g.fillText(text, x(v) + (right_ ? -5 : 5), 12 + i * 16); });
}
plot($("equity"), 300, equity);
const idle = "Hover over a day."; $("equity-tip").textContent = n < 2 ? "" : idle;
$("equity").addEventListener("pointermove", (e) => { if (!scaleX) return; const i = scaleX(e.offsetX); $("equity-tip").textContent = `${dayOf(i)}${E.holdout_at !== null && i >= E.holdout_at ? " (holdout)" : ""}  ${lines.map(([key, name]) => `${name} ${fmt(E[key][i], 2)}`).join("  ")}`; });
plot($("strip"), 130, (g, w, h) => bars(g, w, h, D.strip, "%", "The holdout was not looked at."));
plot($("trials"), 260, (g, w, h) => histogram(g, w, h, D.ratios, [...(D.ratio === null ? [] : [[D.ratio, "this one", ink.focus]]), [D.luck, "best by luck", ink.bad]], () => ink.ink3, "Sharpe beyond holding, a year"));
plot($("pbo"), 260, (g, w, h) => D.logits.length ? histogram(g, w, h, D.logits, [[0, "the middle", ink.edge]], (v) => v <= 0 ? ink.bad : ink.ok, w > 500 ? "rank of the chosen one in the other half (logit): left = below the middle" : "rank in the other half (logit)") : nothing(g, "Too few trials or days."));
document.body.dataset.state = "ready";
