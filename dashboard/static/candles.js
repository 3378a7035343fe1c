// Candles by lightweight-charts: closed bars, the one that is forming, the line of the last price, the strategy's lines.
(() => {
  "use strict";
  const { L, palette, fade, options, frame, marks, get, kinds } = window.coinCharts || {};
  if (!L) return;
  const digits = (v) => (v >= 1000 ? 2 : v >= 1 ? 4 : 8);
  function swatch(colour, style) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg"), line = document.createElementNS(svg.namespaceURI, "path");
    for (const [k, v] of Object.entries({ width: 18, height: 8, "aria-hidden": "true" })) svg.setAttribute(k, v);
    for (const [k, v] of Object.entries({ d: "M0 4H18", stroke: colour, "stroke-dasharray": style === L.LineStyle.Dashed ? "4 3" : "none" })) line.setAttribute(k, v);
    svg.append(line);
    return svg;
  }

  // A minute without a trade is an empty place, not a line across it; a silence of days is cut short.
  const LONGEST_GAP = 240;
  function withGaps(rows, step) {
    const out = [];
    for (const row of rows) {
      const before = out.at(-1), missing = before ? Math.round((row.time - before.time) / step) - 1 : 0;
      for (let i = 1; i <= Math.min(missing, LONGEST_GAP); i++) out.push({ time: before.time + i * step });
      out.push(row);
    }
    return out;
  }
  // The library joins a line's points across empty places: the point before one hides the stroke that leaves it.
  const broken = (rows, step) => rows.map(([time, value], i) => (i + 1 < rows.length && rows[i + 1][0] - time > step ? { time, value, color: "transparent" } : { time, value }));

  class Candles {
    constructor(box) { this.box = box; box.coin = this; this.held = []; this.lines = []; this.closed = []; }
    async load() {
      const q = new URLSearchParams({ product_id: this.box.dataset.product, granularity: this.box.dataset.granularity, limit: "500" });
      const d = await get(`/api/candles?${q}`);
      if (!d.known || !d.candles.length) return;
      if (!this.chart) this.build(d.candles.at(-1)[4]);
      this.step = d.step_s;
      this.closed = d.candles.map(([time, open, high, low, close]) => ({ time, open, high, low, close }));
      this.draw();
      this.volume.setData(d.candles.map(([time, open, , , close, value]) => ({ time, value, color: fade(close >= open ? this.p.ok : this.p.bad, 0.35) })));
      for (const line of this.held) this.bars.removePriceLine(line);
      const look = { open: [this.p.edge, L.LineStyle.Dashed], take: [this.p.ink2, L.LineStyle.Solid], stop: [this.p.warn, L.LineStyle.Solid] };
      this.held = d.lines.slice(0, 24).map((l) => this.bars.createPriceLine({
        price: l.price, color: look[l.kind][0], lineStyle: look[l.kind][1], lineWidth: 1, axisLabelVisible: l.kind !== "open",
        title: this.box.clientWidth < 500 ? "" : l.name, // on a phone five names would cover the bars; the card below has them
      }));
      this.marks?.detach?.();
      const times = [...d.candles.map((c) => c[0]), ...d.forming.map((c) => c[0])], known = new Set(times);
      const turns = d.signals.filter(([t]) => known.has(t)).slice(-40).map(([time, word]) => ({
        time, position: word === "buy" ? "belowBar" : "aboveBar", shape: "circle", color: this.p.edge, size: 0.35,
      }));
      this.marks = L.createSeriesMarkers(this.bars, [...marks(d.fills, this.p, times), ...turns].sort((a, b) => a.time - b.time));
      this.strip(d.regimes ?? []);
      this.overlay(Object.entries(d.indicators).slice(0, 4));
      if (!this.fitted) {
        const shown = this.box.clientWidth < 500 ? 70 : 120;
        this.chart.timeScale().setVisibleLogicalRange({ from: this.count - shown, to: this.count + 4 });
        this.fitted = true;
      }
    }
    // The running bar and the last price come with the page's own stream, in the same message as the figure "Last".
    now() {
      const el = document.querySelector("#ch-now"), found = el ? JSON.parse(el.dataset.now) : { last: null, forming: [] };
      return { ...found, live: !!el && "live" in el.dataset };
    }
    shape([time, open, high, low, close], live) {
      const edge = live ? this.p.now : this.p.edge;
      return { time, open, high, low, close, color: close >= open ? this.p.card : fade(edge, 0.5), borderColor: edge, wickColor: edge };
    }
    draw() {
      const { forming, live } = this.now(), end = this.closed.at(-1).time;
      const unclosed = forming.filter((b) => b[0] > end).map((b) => this.shape(b, live));
      const rows = withGaps([...this.closed, ...unclosed], this.step);
      this.bars.setData(rows);
      this.count = rows.length;
      this.newest = rows.at(-1).time;
      this.tell();
    }
    // Between two readings of the bars: only the running bar and the line of the last price move.
    tick() {
      if (!this.chart || !this.closed.length) return;
      const { forming, live } = this.now(), end = this.closed.at(-1).time, start = forming.at(-1)?.[0] ?? 0;
      if (Math.max(start, end) !== this.newest) return this.draw();
      if (start > end) this.bars.update(this.shape(forming.at(-1), live));
      this.tell();
    }
    tell() {
      const { last, live } = this.now();
      if (last === null) return;
      const look = { price: last, color: live ? this.p.ink : this.p.ink3, lineWidth: 1, lineStyle: L.LineStyle.Dotted, axisLabelVisible: true, title: "" };
      if (this.price) this.price.applyOptions(look);
      else this.price = this.bars.createPriceLine(look);
      this.box.dataset.last = this.format.formatter(this.price.options().price);
    }
    overlay(found) {
      while (this.lines.length > found.length) this.chart.removeSeries(this.lines.pop().series);
      found.forEach(([name, rows], i) => {
        const style = { color: i < 2 ? this.p.ink2 : this.p.ink3, lineStyle: i % 2 ? L.LineStyle.Dashed : L.LineStyle.Solid };
        this.lines[i] ??= { series: this.chart.addSeries(L.LineSeries, { ...style, lineWidth: 1, priceLineVisible: false, lastValueVisible: false, crosshairMarkerVisible: false, priceFormat: this.format }) };
        Object.assign(this.lines[i], { name, style, last: rows.at(-1)?.[1] });
        this.lines[i].series.setData(broken(rows, this.step));
      });
      this.key();
    }
    // The regime of each bar: up or down by its trend, long or short by its volatility.
    strip(found) {
      this.regimes = new Map(found);
      if (!found.length) {
        if (this.band) this.chart.removeSeries(this.band);
        this.band = null;
        return;
      }
      this.band ??= this.chart.addSeries(L.HistogramSeries, { priceLineVisible: false, lastValueVisible: false, priceFormat: { type: "custom", minMove: 0.01, formatter: () => "" }, autoscaleInfoProvider: () => ({ priceRange: { minValue: -2, maxValue: 2 } }) }, 2);
      this.chart.panes()[2]?.setStretchFactor(0.6);
      const tall = { up: 1, down: -1, range: 0.3 }, tone = { up: this.p.ok, down: this.p.bad, range: this.p.edge };
      this.band.setData(found.map(([time, name]) => {
        const [trend, vol] = name.split("-"), wild = vol === "wild";
        return { time, value: tall[trend] * (wild ? 2 : 1), color: fade(tone[trend], wild ? 0.9 : 0.5) };
      }));
    }
    key(at) {
      const box = document.querySelector("#ch-key");
      if (!box) return;
      box.replaceChildren(...this.lines.map(({ series, name, style, last }) => {
        const value = at ? at.seriesData.get(series)?.value : last, item = document.createElement("span"), b = document.createElement("b");
        b.textContent = value === undefined ? "\u2014" : this.format.formatter(value);
        item.append(swatch(style.color, style.lineStyle), `${name} `, b);
        return item;
      }));
      const name = this.regimes?.get(at ? at.time : [...this.regimes.keys()].at(-1));
      if (!name) return;
      const [trend, vol] = name.split("-"), item = document.createElement("span");
      item.append("Regime ", Object.assign(document.createElement("b"), { textContent: `${{ up: "rising", down: "falling", range: "no trend" }[trend]}, ${vol}` }));
      box.append(item);
    }
    // The read-out says what the pointer is on; without one, the server's text of the running bar stands there.
    read(at) {
      const box = document.querySelector("#ch-hover"), bar = at.time && at.seriesData.get(this.bars);
      this.key(bar ? at : null);
      if (!box) return;
      box.hidden = !bar;
      if (!bar) return;
      const day = this.box.dataset.granularity === "ONE_DAY", iso = new Date(1000 * bar.time).toISOString();
      const parts = [["", day ? iso.slice(0, 10) : iso.slice(5, 16).replace("T", " ")], ["O", bar.open], ["H", bar.high], ["L", bar.low], ["C", bar.close]];
      box.replaceChildren(...parts.map(([word, value]) => {
        const item = document.createElement("span"), b = document.createElement(word ? "b" : "span");
        item.className = "n";
        if (word) item.append(Object.assign(document.createElement("span"), { className: "m", textContent: `${word} ` }));
        b.textContent = word ? this.format.formatter(value) : value;
        item.append(b);
        return item;
      }));
    }
    build(price) {
      const p = (this.p = palette()), n = +(this.box.dataset.digits ?? digits(price));
      this.format = { type: "custom", minMove: 10 ** -n, formatter: (v) => v.toLocaleString("en-US", { minimumFractionDigits: n, maximumFractionDigits: n }) };
      this.lines = [];
      this.chart = L.createChart(frame(this.box), options(p, this.box));
      this.bars = this.chart.addSeries(L.CandlestickSeries, {
        upColor: p.card, borderUpColor: p.ok, wickUpColor: p.ok, downColor: p.bad, borderDownColor: p.bad, wickDownColor: p.bad,
        priceLineVisible: false, lastValueVisible: false, priceFormat: this.format,
      });
      this.volume = this.chart.addSeries(L.HistogramSeries, { priceFormat: { type: "volume" }, priceLineVisible: false, lastValueVisible: false }, 1);
      const panes = this.chart.panes();
      panes[0].setStretchFactor(5);
      panes[1]?.setStretchFactor(1);
      this.chart.subscribeCrosshairMove((at) => this.read(at));
    }
    drop() { this.chart?.remove(); this.chart = null; this.held = []; this.lines = []; this.marks = this.price = this.band = null; this.fitted = false; }
  }

  kinds.candles = Candles;
})();
