// Equity and candles by lightweight-charts. Colours are read from the custom properties, so a theme holds for them.
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
  const digits = (v) => (v >= 1000 ? 2 : v >= 1 ? 4 : 8);

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
      timeScale: { borderVisible: false, timeVisible: box.dataset.granularity !== "ONE_DAY", secondsVisible: false, maxBarSpacing: box.dataset.chart === "equity" ? 0 : 24 },
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

  async function get(url) {
    const answer = await fetch(url, { signal: AbortSignal.timeout(8000) });
    if (!answer.ok) throw new Error(answer.status);
    return answer.json();
  }

  class Equity {
    constructor(box) { this.box = box; }
    async load() {
      const d = await get(`/api/equity?range=${encodeURIComponent(this.box.dataset.range)}`);
      if (!d.known || d.at_s.length < 2) return;
      if (!this.chart) this.build();
      const seen = new Set(), rows = d.at_s.map((t, i) => ({ time: t, value: d.equity[i], down: d.drawdown[i] })).filter((r) => !seen.has(r.time) && seen.add(r.time));
      this.noted = rows.slice(0, d.noted);
      this.draw(rows);
      if (this.base) this.line.removePriceLine(this.base);
      this.base = d.day_start && this.line.createPriceLine({ price: d.day_start, color: this.p.edge, lineStyle: L.LineStyle.Dashed, lineWidth: 1, axisLabelVisible: false, title: "start" });
      this.marks?.detach?.();
      const times = rows.map((r) => r.time), moved = d.transfers.filter((one) => one.at_s >= times[0]).map((one) => flag(one, this.p, times));
      const arrows = marks(d.fills, this.p, times, rows.length < 60 ? 0.4 : 0.8); // few points stand far apart
      this.marks = L.createSeriesMarkers(this.line, [...arrows, ...moved].sort((a, b) => a.time - b.time));
      if (!this.moved) this.chart.timeScale().setVisibleLogicalRange({ from: -0.03 * rows.length, to: rows.length });
    }
    draw(rows) {
      this.line.setData(rows.map(({ time, value }) => ({ time, value })));
      this.down.setData(rows.map(({ time, down }) => (down == null ? { time } : { time, value: down })));
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

  class Candles {
    constructor(box) { this.box = box; this.held = []; }
    async load() {
      const q = new URLSearchParams({ product_id: this.box.dataset.product, granularity: this.box.dataset.granularity, limit: "500" });
      const d = await get(`/api/candles?${q}`);
      if (!d.known || !d.candles.length) return;
      if (!this.chart) this.build(d.candles.at(-1)[4]);
      this.bars.setData(d.candles.map(([time, open, high, low, close]) => ({ time, open, high, low, close })));
      this.volume.setData(d.candles.map(([time, open, , , close, value]) => ({ time, value, color: fade(close >= open ? this.p.ok : this.p.bad, 0.35) })));
      for (const line of this.held) this.bars.removePriceLine(line);
      const look = { open: [this.p.edge, L.LineStyle.Dashed], take: [this.p.ink2, L.LineStyle.Solid], stop: [this.p.warn, L.LineStyle.Solid] };
      this.held = d.lines.slice(0, 24).map((l) => this.bars.createPriceLine({
        price: l.price, color: look[l.kind][0], lineStyle: look[l.kind][1], lineWidth: 1, axisLabelVisible: l.kind !== "open", title: l.name,
      }));
      this.marks?.detach?.();
      const times = d.candles.map((c) => c[0]), known = new Set(times);
      const turns = d.signals.filter(([t]) => known.has(t)).slice(-40).map(([time, word]) => ({
        time, position: word === "buy" ? "belowBar" : "aboveBar", shape: "circle", color: this.p.edge, size: 0.35,
      }));
      this.marks = L.createSeriesMarkers(this.bars, [...marks(d.fills, this.p, times), ...turns].sort((a, b) => a.time - b.time));
      this.overlay(Object.entries(d.indicators).slice(0, 4));
      if (!this.fitted) { this.chart.timeScale().setVisibleLogicalRange({ from: d.candles.length - 120, to: d.candles.length + 4 }); this.fitted = true; }
    }
    overlay(found) {
      found.forEach(([, rows], i) => {
        const style = { color: i % 2 ? this.p.ink3 : this.p.ink2, lineStyle: i < 2 ? L.LineStyle.Solid : L.LineStyle.Dashed };
        this.lines[i] ??= this.chart.addSeries(L.LineSeries, { ...style, lineWidth: 1, priceLineVisible: false, lastValueVisible: false, crosshairMarkerVisible: false, priceFormat: this.format });
        this.lines[i].setData(rows.map(([time, value]) => ({ time, value })));
      });
      const key = document.querySelector("#ch-key");
      if (key) key.textContent = found.length ? ` Lines on the bars: ${found.map(([t]) => t).join(" (lighter), ")}; dots: the signal turns.` : "";
    }
    build(price) {
      const p = (this.p = palette()), n = +(this.box.dataset.digits ?? digits(price));
      this.format = { type: "custom", minMove: 10 ** -n, formatter: (v) => v.toLocaleString("en-US", { minimumFractionDigits: n, maximumFractionDigits: n }) };
      this.lines = [];
      this.chart = L.createChart(frame(this.box), options(p, this.box));
      this.bars = this.chart.addSeries(L.CandlestickSeries, {
        upColor: p.card, borderUpColor: p.ok, wickUpColor: p.ok, downColor: p.bad, borderDownColor: p.bad, wickDownColor: p.bad,
        priceLineColor: p.ink, priceFormat: this.format,
      });
      this.volume = this.chart.addSeries(L.HistogramSeries, { priceFormat: { type: "volume" }, priceLineVisible: false, lastValueVisible: false }, 1);
      const panes = this.chart.panes();
      panes[0].setStretchFactor(5);
      panes[1]?.setStretchFactor(1);
    }
    drop() { this.chart?.remove(); this.chart = null; this.held = []; this.marks = null; this.fitted = false; }
  }

  const kinds = { equity: Equity, candles: Candles };
  let charts = [];
  const refresh = () => charts.forEach((c) => c.load().catch((e) => console.warn("chart", String(e))));
  addEventListener("DOMContentLoaded", () => {
    charts = $$("[data-chart]").map((box) => new kinds[box.dataset.chart](box));
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
