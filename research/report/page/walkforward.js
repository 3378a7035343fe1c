const W = D.windows, keys = Object.keys(D.axes), tested = W.filter((x) => x.chosen !== null);
const idle = "Hover over a window.";
for (const id of ["growth-tip", "against-tip"]) $(id).textContent = idle;
let bars = [];
function growth(g, w, h) {
  const left = 8, right = 62, top = 12, bottom = 24, part = 0.62 * (h - top - bottom), n = tested.length;
  if (!n) { g.fillStyle = ink.ink3; g.fillText("No window could be tested.", 16, 24); return; }
  const t0 = tested[0].test[0], t1 = tested[n - 1].test[1], x = (t) => left + ((t - t0) / (t1 - t0 || 1)) * (w - left - right);
  const values = D.growth.map((v) => (v - 1) * 100), low = Math.min(...values), high = Math.max(...values), pad = (high - low) * 0.08 || 1;
  const y = (v) => top + ((high + pad - v) / (high - low + 2 * pad)) * part;
  g.textAlign = "left"; g.strokeStyle = ink.line; g.lineWidth = 1; g.fillStyle = ink.ink3;
  for (const v of steps(low - pad, high + pad, 4)) { g.beginPath(); g.moveTo(left, Math.round(y(v)) + 0.5); g.lineTo(w - right, Math.round(y(v)) + 0.5); g.stroke(); g.fillText(signed(v, digits(low, high)) + " %", w - right + 6, y(v)); }
  g.strokeStyle = ink.edge; g.setLineDash([2, 4]); g.beginPath(); g.moveTo(left, y(0)); g.lineTo(w - right, y(0)); g.stroke(); g.setLineDash([]);
  g.strokeStyle = ink.ink; g.lineWidth = 1.5; g.beginPath(); g.moveTo(x(t0), y(0));
  tested.forEach((v, i) => { g.lineTo(x(v.test[1]), y(values[i + 1])); });
  g.stroke();
  const returns = tested.map((v) => (v.tested.total_return ?? 0) * 100), most = Math.max(...returns.map(Math.abs), 1e-9), middle = top + part + (h - top - bottom - part) / 2 + 8, tall = (h - top - bottom - part) / 2 - 12;
  g.strokeStyle = ink.line; g.lineWidth = 1; g.beginPath(); g.moveTo(left, middle); g.lineTo(w - right, middle); g.stroke();
  bars = [];
  tested.forEach((v, i) => {
    const a = x(v.test[0]), b = x(v.test[1]), size = (returns[i] / most) * tall;
    g.fillStyle = returns[i] < 0 ? ink.bad : ink.ok; g.fillRect(a + 1, middle - Math.max(size, 0), Math.max(b - a - 2, 1), Math.abs(size));
    bars.push([a, b, `${day(v.test[0])} to ${day(v.test[1])}  ${signed(returns[i], 2)} %  so far ${signed(values[i + 1], 2)} %  ${keys.map((k) => `${k} ${v.chosen[k]}`).join(", ")}`]);
  });
  g.fillStyle = ink.ink3; g.fillText(`± ${fmt(most, digits(0, most))} %`, w - right + 6, middle);
  g.textAlign = "center";
  const each = Math.ceil(n / Math.max(2, Math.floor(w / 130)));
  tested.forEach((v, i) => { if (i % each === 0 && x(v.test[0]) > 34) g.fillText(day(v.test[0]), x(v.test[0]), h - 10); });
}
function chosen(g, w, h) {
  const n = tested.length, each = (h - 16) / Math.max(keys.length, 1), left = 12, right = 62;
  keys.forEach((key, k) => {
    const values = D.axes[key], top = 8 + k * each + 16, tall = each - 30, place = (v) => values.length > 1 ? values.indexOf(v) / (values.length - 1) : 0.5;
    const x = (i) => left + (i / n) * (w - left - right), y = (v) => top + (1 - place(v)) * tall;
    g.fillStyle = ink.ink3; g.textAlign = "left"; g.fillText(key, left, top - 9);
    g.fillText(values[values.length - 1], w - right + 6, top); if (values.length > 1) g.fillText(values[0], w - right + 6, top + tall);
    g.strokeStyle = ink.line; g.lineWidth = 1; g.strokeRect(left + 0.5, top + 0.5, w - left - right, tall);
    g.strokeStyle = ink.ink; g.lineWidth = 1.5; g.beginPath();
    tested.forEach((v, i) => { const at = y(v.chosen[key]); if (i) g.lineTo(x(i), at); else g.moveTo(x(i), at); g.lineTo(x(i + 1), at); });
    g.stroke();
  });
}
plot($("growth"), 300, growth);
$("growth").addEventListener("pointermove", (e) => { const b = bars.find(([a, c]) => e.offsetX >= a && e.offsetX < c); $("growth-tip").textContent = b ? b[2] : idle; });
let spots = [];
const pairs = tested.map((v) => [v.trained, v.tested[D.metric], v]).filter((p) => p[0] !== null && p[1] !== null && p[1] !== undefined);
plot($("against"), 300, (g, w, h) => { spots = against(g, w, h, pairs, -1); });
$("against").addEventListener("pointermove", (e) => { const i = nearest(spots, e); $("against-tip").textContent = i < 0 ? idle : `${day(pairs[i][2].test[0])}: training ${fmt(pairs[i][0], 2)}, test ${fmt(pairs[i][1], 2)}`; });
plot($("chosen"), 327, chosen);
const cell = (c, v) => c === "lots" || c === "open_lots" ? fmt(v, 0) : ["total_return", "buy_and_hold", "max_drawdown", "exposure", "cagr"].includes(c) ? (v === null || v === undefined ? "—" : `${c === "exposure" ? fmt(v * 100, 2) : signed(v * 100, 2)} %`) : fmt(v, 2);
const tone = (c, v) => c === "total_return" && v ? ` class="${v > 0 ? "up" : "down"}"` : "";
$("windows").innerHTML = `<thead><tr><th>test from</th><th class="l">to</th>${keys.map((k) => `<th>${k}</th>`).join("")}<th>${D.metric}, training</th>${D.columns.map((c) => `<th>${c}${c === D.metric ? ", test" : ""}</th>`).join("")}</tr></thead><tbody>${W.map((v) => `<tr><td>${day(v.test[0])}</td><td class="l">${day(v.test[1])}</td>${v.chosen === null ? `<td class="m l" colspan="${keys.length + 1 + D.columns.length}">nothing to choose: no point has a ${D.metric} in training</td>` : keys.map((k) => `<td>${v.chosen[k]}</td>`).join("") + `<td>${fmt(v.trained, 2)}</td>` + D.columns.map((c) => `<td${tone(c, v.tested[c])}>${cell(c, v.tested[c])}</td>`).join("")}</tr>`).join("")}</tbody>`;
document.body.dataset.state = "ready";
