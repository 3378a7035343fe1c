// Equity by lightweight-charts, and what every chart is made with. Colours are read from the custom properties, so a theme holds for them.
(() => {
  "use strict";
  const L = window.LightweightCharts;
  if (!L) return;
  const $$ = (q) => [...document.querySelectorAll(q)];
  const probe = (name) => {
    const el = document.createElement("i");
    el.className = `probe probe-${name}`;
    document.body.append(el);
    const colour = getComputedStyle(el).color;
    el.remove();
    return colour;
  };
  const palette = () => Object.fromEntries(["card", "ink", "ink2", "ink3", "line", "edge", "ok", "bad", "warn", "now", "well"].map((n) => [n, probe(n)]));
  const fade = (colour, part) => {
    const m = colour.match(/[\d.]+/g) || [0, 0, 0];
    return `rgba(${m[0]}, ${m[1]}, ${m[2]}, ${part})`;
  };
  const two = new Intl.NumberFormat("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });

  function options(p, box) {
    return {
      autoSize: true,
      layout: {
        background: { color: p.card }, textColor: p.ink3, fontSize: 11, attributionLogo: false,
        fontFamily: getComputedStyle(document.body).fontFamily,
        panes: { separatorColor: p.line, separatorHoverColor: p.well, enableResize: false },
      },
      grid: { vertLines: { visible: false }, horzLines: { color: p.line, style: L.LineStyle.Dotted } },
      rightPriceScale: { borderVisible: false, minimumWidth: 72 },
      timeScale: { borderVisible: false, timeVisible: box.dataset.granularity !== "ONE_DAY", secondsVisible: false, maxBarSpacing: box.dataset.chart === "equity" ? 0 : 24, minBarSpacing: box.dataset.chart === "equity" ? 0.02 : 0.5 },
      crosshair: { vertLine: { color: p.edge, labelBackgroundColor: p.ink2 }, horzLine: { color: p.edge, labelBackgroundColor: p.ink2 } },
      handleScroll: { vertTouchDrag: false },
    };
  }
  const bare = (box) => { for (const el of [...box.children]) if (!el.classList.contains("lwc")) el.remove(); };
  const frame = (box) => {
    bare(box);
    const el = document.createElement("div");
    el.className = "lwc";
    box.append(el);
    return el;
  };
  const snap = (times, at_s) => {
    let low = 0, high = times.length;
    while (high - low > 1) { const mid = (low + high) >> 1; if (times[mid] > at_s) high = mid; else low = mid; }
    return times[low];
  };
  // Fills of one side on one point are one arrow with their count: a flatten is no hedge of arrows.
  const marks = (fills, p, times, size = 0.8) => {
    const found = new Map();
    for (const f of fills.filter((one) => one.at_s >= times[0])) {
      const time = snap(times, f.at_s), key = `${time} ${f.side}`, n = f.count ?? 1;
      if (found.has(key)) found.get(key).n += n;
      else found.set(key, { time, buy: f.side === "BUY", n });
    }
    return [...found.values()].map(({ time, buy, n }) => ({
      time, position: buy ? "belowBar" : "aboveBar", shape: buy ? "arrowUp" : "arrowDown", color: buy ? p.ink2 : p.ok, size, text: n > 1 ? `\u00d7${n}` : undefined,
    }));
  };
  const flag = (one, p, times) => {
    const amount = `${one.value < 0 ? "\u2212" : "+"}${two.format(Math.abs(one.value))}`;
    return { time: snap(times, one.at_s), position: "aboveBar", shape: "square", color: p.now, size: 0.6, text: one.adopted ? `transfer ${amount}` : `not adopted ${amount}` };
  };

  // Notes come once a minute: where none came for five, the bot saw nothing, and no line is drawn across. The time keeps
  // its place by empty points; the library joins what stands around them, so the last one before hides its stroke.
  function withGaps(all) {
    const width = all.at(-1).time - all[0].time, least = Math.max(300, width / 200), step = Math.max(60, Math.ceil(width / 1500)), rows = [];
    for (const row of all) {
      const last = rows.at(-1)?.time;
      if (row.time - last > least) for (let at = last + step; at < row.time; at += step) rows.push({ time: at, gap: true });
      rows.push(row);
    }
    return rows;
  }

  async function get(url) {
    const answer = await fetch(url, { signal: AbortSignal.timeout(8000) });
    if (!answer.ok) throw new Error(answer.status);
    return answer.json();
  }

  class Equity {
    constructor(box) { this.box = box; box.coin = this; }
    async load() {
      const d = await get(`/api/equity?range=${encodeURIComponent(this.box.dataset.range)}`);
      if (!d.known || d.at_s.length < 2) return;
      if (!this.chart) this.build();
      const seen = new Set(), rows = d.at_s.map((t, i) => ({ time: t, value: d.equity[i], down: d.drawdown[i] })).filter((r) => !seen.has(r.time) && seen.add(r.time));
      this.noted = rows.slice(0, d.noted);
      const count = this.draw(rows);
      if (this.base) this.line.removePriceLine(this.base);
      this.base = d.day_start && this.line.createPriceLine({ price: d.day_start, color: this.p.edge, lineStyle: L.LineStyle.Dashed, lineWidth: 1, axisLabelVisible: false, title: "start" });
      this.marks?.detach?.();
      const times = rows.map((r) => r.time), moved = d.transfers.filter((one) => one.at_s >= times[0]).map((one) => flag(one, this.p, times));
      const arrows = marks(d.fills, this.p, times, rows.length < 60 ? 0.4 : 0.8); // few points stand far apart
      this.marks = L.createSeriesMarkers(this.line, [...arrows, ...moved].sort((a, b) => a.time - b.time));
      if (!this.moved) this.chart.timeScale().setVisibleLogicalRange({ from: -0.03 * count, to: count });
    }
    draw(all) {
      const rows = withGaps(all), none = "transparent";
      const into = (at) => (rows[at + 1]?.gap ? { lineColor: none, topColor: none, bottomColor: none } : {});
      this.line.setData(rows.map(({ time, value }, i) => (value == null ? { time } : { time, value, ...into(i) })));
      this.down.setData(rows.map(({ time, down }, i) => (down == null ? { time } : { time, value: down, ...into(i) })));
      return rows.length;
    }
    // The last point is of now: the card's own figures, as they came with the page's last event.
    tick() {
      const d = document.querySelector("#eq-now")?.dataset;
      if (!this.chart || !this.noted?.length || !d?.at || +d.at <= this.noted.at(-1).time) return;
      this.draw([...this.noted, { time: +d.at, value: +d.equity, down: d.down === "" ? null : -d.down }]);
    }
    build() {
      const p = (this.p = palette());
      this.chart = L.createChart(frame(this.box), options(p, this.box));
      this.line = this.chart.addSeries(L.AreaSeries, {
        lineColor: p.ink, topColor: fade(p.ink, 0.06), bottomColor: fade(p.ink, 0.03), lineWidth: 1.5,
        priceLineVisible: false, crosshairMarkerRadius: 3,
        priceFormat: { type: "custom", minMove: 0.01, formatter: (v) => two.format(v) },
      });
      this.down = this.chart.addSeries(L.AreaSeries, {
        lineColor: fade(p.bad, 0.6), topColor: fade(p.bad, 0.05), bottomColor: fade(p.bad, 0.5), invertFilledArea: true, lineWidth: 1,
        priceLineVisible: false, lastValueVisible: false,
        priceFormat: { type: "custom", minMove: 0.01, formatter: (v) => `${two.format(v).replace("-", "\u2212")} %` },
      }, 1);
      const panes = this.chart.panes();
      panes[0].setStretchFactor(5);
      panes[1]?.setStretchFactor(1);
      this.box.addEventListener("wheel", () => { this.moved = true; }, { passive: true });
    }
    drop() { this.chart?.remove(); this.chart = null; this.base = null; this.marks = null; }
  }

  const kinds = { equity: Equity };
  window.coinCharts = { L, palette, fade, options, frame, marks, get, kinds }; // candles.js adds its own
  let charts = [];
  const refresh = () => {
    const made = new Map(charts.map((c) => [c.box, c])); // a message may bring a chart where there was none
    charts = $$("[data-chart]").map((box) => made.get(box) || new kinds[box.dataset.chart](box));
    charts.forEach((c) => c.load().catch((e) => console.warn("chart", String(e))));
  };
  addEventListener("DOMContentLoaded", () => {
    refresh();
    let last = performance.now();
    addEventListener("coin:tick", () => {
      if (!document.hidden) for (const c of charts) c.tick?.();
      const every = document.querySelector("[data-chart=candles]") ? 2000 : 15000;
      if (performance.now() - last < every || document.hidden) return;
      last = performance.now();
      refresh();
    });
    addEventListener("coin:theme", () => { charts.forEach((c) => c.drop()); refresh(); });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { charts.forEach((c) => c.drop()); refresh(); });
    document.addEventListener("click", (e) => {
      const link = e.target.closest("a[data-range]");
      if (!link) return;
      e.preventDefault();
      for (const a of link.parentElement.children) a.removeAttribute("aria-current");
      link.setAttribute("aria-current", "true");
      for (const c of charts) if (c instanceof Equity) { c.box.dataset.range = link.dataset.range; c.moved = false; c.load().catch(() => {}); }
    });
  });
})();
