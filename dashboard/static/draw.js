// Drawings on the chart: trend line, level, note. They stay in this browser, a list for each product, and decide nothing.
(() => {
  "use strict";
  const kit = window.coinCharts;
  if (!kit?.kinds.candles) return;
  const { keep, kept, line, write } = kit;
  const $ = (q) => document.querySelector(q);
  const NAMES = { trend: "Trend line", level: "Level", note: "Note" }, POINTS = { trend: 2, level: 1, note: 1 };
  const MOST = 50, CHARS = 80;
  const sound = (d) => Object.hasOwn(NAMES, d?.kind) && Array.isArray(d.at) && d.at.length === POINTS[d.kind] && d.at.every((p) => Number.isFinite(p?.[0]) && Number.isFinite(p[1]) && p[1] > 0);

  class Drawings {
    constructor(chart) {
      this.chart = chart;
      this.place = `chart.draw.${chart.box.dataset.product}`;
      const found = kept(this.place, []);
      this.all = (Array.isArray(found) ? found : []).filter(sound).slice(-MOST);
      this.placed = [];
      this.list();
    }
    save() {
      keep(this.place, this.all);
      this.list();
      this.chart.layer.redraw?.();
    }
    // A tool is taken up; the next point or points on the chart are its own.
    take(kind) {
      const text = $("#ch-note").value.trim().slice(0, CHARS);
      if (kind === "note" && !text) return void $("#ch-note").focus();
      this.text = text;
      this.placed = [];
      this.chart.tool = kind;
      for (const b of document.querySelectorAll("#ch-draw [data-tool]")) b.setAttribute("aria-pressed", b.dataset.tool === kind);
      if (!kind) return this.say("");
      $("#ch-draw").closest("details").open = false;
      this.chart.el.focus();
      this.say(`${NAMES[kind]}: press on the chart, or go there with the arrow keys and press Enter. Escape ends it.`);
    }
    say(text) { $("#ch-say").textContent = text; }
    put(time, price) {
      const kind = this.chart.tool, round = 10 ** this.chart.digits;
      if (!kind || !(price > 0)) return;
      this.placed.push([time, Math.round(price * round) / round]);
      if (this.placed.length < POINTS[kind]) { this.say("Trend line: now its second point."); return this.chart.layer.redraw?.(); }
      this.all.push({ kind, at: this.placed, ...(kind === "note" ? { text: this.text } : {}) });
      this.all = this.all.slice(-MOST);
      if (kind === "note") $("#ch-note").value = "";
      this.take(null);
      this.say(`${NAMES[kind]} drawn. It is kept in this browser.`);
      this.save();
    }
    told(d) {
      const price = this.chart.format.formatter(d.at.at(-1)[1]);
      return d.kind === "note" ? `Note \u201c${String(d.text ?? "").slice(0, CHARS)}\u201d` : `${NAMES[d.kind]}, ${d.kind === "trend" ? "to " : ""}${price}`;
    }
    list() {
      const box = $("#ch-drawn");
      if (!box) return;
      box.replaceChildren(...this.all.map((d, i) => {
        const row = document.createElement("li"), name = document.createElement("span"), button = document.createElement("button");
        name.textContent = this.told(d);
        Object.assign(button, { type: "button", className: "btn sm", textContent: "Delete" });
        button.setAttribute("aria-label", `Delete ${this.told(d)}`);
        button.addEventListener("click", () => {
          this.all.splice(i, 1);
          this.save();
          (box.querySelectorAll("button")[Math.min(i, this.all.length - 1)] ?? $("#ch-draw [data-tool]")).focus();
        });
        row.append(name, button);
        return row;
      }));
      $("#ch-draw-n").textContent = this.all.length || "";
    }
    paint(c, size) {
      const { chart } = this, { p } = chart, xy = ([time, price]) => [chart.x(chart.index(time)), chart.y(price)];
      for (const d of this.all) {
        const points = d.at.map(xy), [x, y] = points.at(-1);
        if (points.some((one) => one[1] === null)) continue;
        if (d.kind === "level") { line(c, [[0, y], [size.width, y]], p.now, { width: 1.2 }); write(c, chart, chart.format.formatter(d.at[0][1]), 0.42 * size.width, y - 8, p.now); }
        else if (d.kind === "trend") line(c, points, p.now, { width: 1.5 });
        else {
          c.fillStyle = p.now;
          c.beginPath();
          c.arc(x, y, 3, 0, 7);
          c.fill();
          write(c, chart, String(d.text ?? "").slice(0, CHARS), x + 7, y - 8, p.now);
        }
      }
      for (const [x, y] of this.placed.map(xy)) if (y !== null) { c.fillStyle = p.now; c.fillRect(x - 3, y - 3, 6, 6); }
    }
  }

  addEventListener("coin:chart", ({ detail: chart }) => {
    if (!$("#ch-draw")) return;
    const drawings = (chart.drawings = new Drawings(chart)), el = chart.el;
    el.addEventListener("click", (e) => {
      if (!chart.tool || e.target.closest("button")) return;
      const at = el.getBoundingClientRect(), x = e.clientX - at.left, y = e.clientY - at.top;
      if (x > chart.chart.timeScale().width() || y > chart.chart.panes()[0].getHeight()) return;
      const i = Math.round(chart.chart.timeScale().coordinateToLogical(x)), last = chart.times.length - 1;
      drawings.put(i < 0 ? chart.times[0] + i * chart.step : i > last ? chart.times[last] + (i - last) * chart.step : chart.times[i], chart.bars.coordinateToPrice(y));
    });
    el.addEventListener("keydown", (e) => {
      if (e.target !== el || !chart.tool) return;
      if (e.key === "Enter" && chart.cursor) { e.preventDefault(); drawings.put(chart.times[chart.cursor.i], chart.cursor.price); }
      if (e.key === "Escape") drawings.take(null);
    });
    for (const b of document.querySelectorAll("#ch-draw [data-tool]")) b.onclick = () => chart.drawings.take(chart.tool === b.dataset.tool ? null : b.dataset.tool);
    chart.layer.redraw?.();
  });
})();
