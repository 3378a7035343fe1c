// Candles by lightweight-charts: closed bars, page by page as they are looked at, the one that is forming, the strategy's lines.
(() => {
  "use strict";
  const { L, palette, fade, options, frame, get, kinds, BarStore, place, withGaps, broken, over, gates } = window.coinCharts || {};
  if (!BarStore) return;
  const digits = (v) => (v >= 1000 ? 2 : v >= 1 ? 4 : 8);
  const NEWEST = 500, PAGE = 2000; // bars of one answer
  const ROOM = 1500, EDGE = 500; // bars that the library holds beyond the view; the next ones come when it is that near
  const REGIME = { up: "rising", down: "falling", range: "no trend" };
  function swatch(colour, style) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg"), line = document.createElementNS(svg.namespaceURI, "path");
    for (const [k, v] of Object.entries({ width: 18, height: 8, "aria-hidden": "true" })) svg.setAttribute(k, v);
    for (const [k, v] of Object.entries({ d: "M0 4H18", stroke: colour, "stroke-dasharray": style === L.LineStyle.Dashed ? "4 3" : "none" })) line.setAttribute(k, v);
    svg.append(line);
    return svg;
  }
  const word = (text, css) => Object.assign(document.createElement(css === "b" ? "b" : "span"), { textContent: text, className: css === "b" ? "" : css });

  class Candles {
    constructor(box) {
      this.box = box;
      box.coin = this;
      this.store = new BarStore();
      this.reset();
    }
    reset() { Object.assign(this, { held: [], lines: [], rows: [], times: [], trips: [], levels: [], forming: null, view: { from: 0, to: 0 }, marks: null, price: null, band: null, shut: null, wanted: null }); }
    ask(more) {
      const { product, granularity } = this.box.dataset;
      return get(`/api/candles?${new URLSearchParams({ product_id: product, granularity, ...more })}`);
    }
    async load() {
      const d = await this.ask({ limit: NEWEST });
      if (!d.known || !d.candles.length) return;
      if (!this.chart) this.build(d.candles.at(-1)[4]);
      this.step = d.step_s;
      const changed = this.store.take(d, true);
      this.found = d;
      this.setLevels(d.lines);
      if (changed || !this.rows.length) this.draw();
      if (!this.fitted) {
        const shown = this.box.clientWidth < 500 ? 70 : 120;
        this.show(this.rows.length - shown, this.rows.length + 4);
        this.fitted = true;
        dispatchEvent(new CustomEvent("coin:chart", { detail: this }));
      }
      this.layer.redraw?.();
    }
    // Older bars, before the view reaches them. One request at a time.
    async older() {
      if (this.busy || !this.store.older || !this.store.bars.length) return false;
      this.busy = true;
      try {
        const changed = this.store.take(await this.ask({ limit: PAGE, before_s: this.store.bars[0][0] }), false);
        if (changed && this.chart) this.draw();
        return changed;
      } finally { this.busy = false; }
    }
    // The library takes a range up with its next frame: until it is painted, what was asked for last holds.
    seen() { return this.wanted ?? this.chart?.timeScale().getVisibleLogicalRange(); }
    show(from, to) {
      this.wanted = { from, to };
      this.chart.timeScale().setVisibleLogicalRange(this.wanted);
    }
    // What the library holds follows the view, so that a bar costs the same however many there are.
    roam() {
      const seen = this.seen();
      if (!seen || !this.rows.length) return;
      const left = this.store.upTo(this.times[0]), right = this.store.upTo(this.times.at(-1) + 1);
      if ((seen.from < EDGE && left > 0) || (seen.to > this.rows.length - EDGE && right < this.store.bars.length)) this.draw();
      if (seen.from < 2 * EDGE && this.store.upTo(this.times[0]) < ROOM) this.older().catch((e) => console.warn("chart", String(e)));
    }
    // The running bar and the last price come with the page's own stream, in the same message as the figure "Last".
    now() {
      const el = document.querySelector("#ch-now"), found = el ? JSON.parse(el.dataset.now) : { last: null, forming: [] };
      return { ...found, live: !!el && "live" in el.dataset };
    }
    shape([time, open, high, low, close], live) {
      const edge = live ? this.p.now : this.p.edge;
      return { time, open, high, low, close, color: this.p.card, borderColor: edge, wickColor: edge };
    }
    // The part of the bars about the view, with the view kept where it was; `go`: it goes to the start or the end of them.
    draw(go) {
      const seen = this.rows.length ? this.seen() : null, bars = this.store.bars, count = this.rows.length;
      const atEnd = seen && this.toEnd && seen.to >= count - 1, i = seen ? Math.max(0, Math.min(count - 1, Math.floor(seen.from))) : 0;
      const anchor = seen && { time: this.times[i], off: seen.from - i, wide: seen.to - seen.from, left: count - seen.from };
      const mid = go === "start" ? 0 : anchor && !atEnd && !go ? this.store.upTo(anchor.time) + Math.min(0, Math.floor(anchor.off)) : bars.length - 200, wide = anchor ? Math.ceil(anchor.wide) : 0;
      const from = Math.max(0, mid - ROOM), to = Math.min(bars.length, mid + wide + ROOM), part = bars.slice(from, to);
      this.toEnd = to === bars.length;
      const { forming, live } = this.now(), end = bars.at(-1)[0], unclosed = this.toEnd ? forming.filter((b) => b[0] > end).map((b) => this.shape(b, live)) : [];
      this.rows = withGaps([...part.map(([time, open, high, low, close]) => ({ time, open, high, low, close })), ...unclosed], this.step);
      this.times = this.rows.map((row) => row.time);
      this.forming = unclosed.at(-1) ?? null;
      this.bars.setData(this.rows);
      this.volume.setData(this.hidden?.has("Volume") ? [] : part.map(([time, open, , , close, value]) => ({ time, value, color: fade(close >= open ? this.p.ok : this.p.bad, 0.35) })));
      this.overlay(part);
      this.strips(part);
      this.trips = [...this.store.trips.values()].map((one) => ({ ...one, from: this.index(one.opened_s), to: this.index(one.closed_s) })).filter((one) => one.to >= 0 && one.from <= this.rows.length);
      this.setLevels(this.found.lines);
      const turns = part.filter(([t]) => this.store.turns.has(t)).map(([time]) => ({
        time, position: this.store.turns.get(time) === "buy" ? "belowBar" : "aboveBar", shape: "circle", color: this.p.edge, size: 0.35,
      }));
      if (this.marks) this.marks.setMarkers(turns);
      else this.marks = L.createSeriesMarkers(this.bars, turns);
      if (anchor) {
        const first = go ? (go === "end" ? this.rows.length + 4 - anchor.wide : 0) : atEnd && this.toEnd ? this.rows.length - anchor.left : Math.max(0, place(this.times, anchor.time)) + anchor.off;
        this.show(first, first + anchor.wide);
      }
      this.tell();
    }
    // The place of a moment among the drawn bars, also of one before or after them.
    index(at) {
      const i = place(this.times, at), last = this.times.length - 1;
      if (i < 0) return Math.floor((at - this.times[0]) / this.step);
      return i === last ? last + Math.floor((at - this.times[last]) / this.step) : i;
    }
    x(i) { return this.chart.timeScale().logicalToCoordinate(i) ?? 0; }
    y(price) { return this.bars.priceToCoordinate(price); }
    spacing() { return this.chart.timeScale().options().barSpacing; }
    // Between two readings of the bars: only the running bar and the line of the last price move.
    tick() {
      if (!this.chart || !this.rows.length) return;
      const { forming, live } = this.now(), end = this.store.bars.at(-1)[0], bar = forming.at(-1);
      if (this.toEnd) {
        if (Math.max(bar?.[0] ?? 0, end) !== this.times.at(-1)) return this.draw();
        if (bar && bar[0] > end) {
          this.forming = this.shape(bar, live);
          this.rows[this.rows.length - 1] = this.forming;
          this.bars.update(this.forming);
        }
      }
      this.tell();
    }
    tell() {
      const { last, live } = this.now();
      if (last === null) return;
      this.last = last;
      const look = { price: last, color: live ? this.p.ink : this.p.ink3, lineWidth: 1, lineStyle: L.LineStyle.Dotted, axisLabelVisible: true, title: "" };
      if (this.price) this.price.applyOptions(look);
      else this.price = this.bars.createPriceLine(look);
      this.box.dataset.last = this.format.formatter(this.price.options().price);
    }
    // Levels of open lots: the layer draws them from where the lot was opened; the axis has their prices.
    setLevels(lines) {
      const tone = { open: this.p.edge, take: this.p.ink2, stop: this.p.warn }, text = JSON.stringify(lines);
      this.levels = lines.slice(0, 60).map((one) => ({ ...one, price: +one.price.toFixed(this.digits), at: this.times.length ? this.index(one.opened_s) : 0 }));
      if (text === this.heldText && this.held.length) return;
      this.heldText = text;
      for (const line of this.held) this.bars.removePriceLine(line);
      this.held = lines.slice(0, 24).map(({ price, kind }) => this.bars.createPriceLine({ price, color: tone[kind], lineVisible: false, axisLabelVisible: true, title: "" }));
    }
    overlay(part) {
      const found = [...this.store.lines].filter(([name]) => !this.hidden?.has(name)).slice(0, 4);
      while (this.lines.length > found.length) this.chart.removeSeries(this.lines.pop().series);
      found.forEach(([name, values], i) => {
        const style = { color: i < 2 ? this.p.ink2 : this.p.ink3, lineStyle: i % 2 ? L.LineStyle.Dashed : L.LineStyle.Solid };
        this.lines[i] ??= { series: this.chart.addSeries(L.LineSeries, { ...style, lineWidth: 1, priceLineVisible: false, lastValueVisible: false, crosshairMarkerVisible: false, priceFormat: this.format }) };
        const rows = part.filter(([t]) => values.has(t)).map(([t]) => [t, values.get(t)]);
        Object.assign(this.lines[i], { name, style, values });
        this.lines[i].series.setData(broken(rows, this.step));
      });
      this.key();
    }
    // Below the bars: which gate was shut, and the regime of each bar (up or down by its trend, long or short by its volatility).
    strips(part) {
      const quiet = { priceLineVisible: false, lastValueVisible: false, priceFormat: { type: "custom", minMove: 0.01, formatter: () => "" } };
      const wanted = { shut: this.store.titles.size > 0 && !this.hidden?.has("Gates"), band: this.store.regimes.size > 0 && !this.hidden?.has("Regime") };
      for (const name of ["shut", "band"]) if (this[name] && !wanted[name]) { this.chart.removeSeries(this[name]); this[name] = null; }
      if (wanted.shut) {
        if (!this.shut) {
          this.shut = this.chart.addSeries(L.HistogramSeries, { ...quiet, color: "transparent" }, this.chart.panes().length);
          this.shut.attachPrimitive(gates(this));
        }
        this.shut.setData(part.filter(([t]) => this.store.gates.has(t)).map(([time]) => ({ time, value: 1 })));
        this.shut.getPane().setStretchFactor(0.32 * Math.min(8, this.store.titles.size));
      }
      if (wanted.band) {
        this.band ??= this.chart.addSeries(L.HistogramSeries, { ...quiet, autoscaleInfoProvider: () => ({ priceRange: { minValue: -2, maxValue: 2 } }) }, this.chart.panes().length);
        this.band.getPane().setStretchFactor(0.6);
        const tall = { up: 1, down: -1, range: 0.3 }, tone = { up: this.p.ok, down: this.p.bad, range: this.p.edge };
        this.band.setData(part.filter(([t]) => this.store.regimes.has(t)).map(([time]) => {
          const [trend, vol] = this.store.regimes.get(time).split("-"), wild = vol === "wild";
          return { time, value: tall[trend] * (wild ? 2 : 1), color: fade(tone[trend], wild ? 0.9 : 0.5) };
        }));
      }
    }
    key(at) {
      const box = document.querySelector("#ch-key");
      if (!box) return;
      const newest = this.store.bars.at(-1)?.[0];
      box.replaceChildren(...this.lines.map(({ name, style, values }) => {
        const value = values.get(at ?? newest), item = word("", ""), b = word(value === undefined ? "\u2014" : this.format.formatter(value), "b");
        item.append(swatch(style.color, style.lineStyle), `${name} `, b);
        return item;
      }));
      const regime = this.hidden?.has("Regime") ? null : this.store.regimes.get(at ?? newest);
      if (!regime) return;
      const [trend, vol] = regime.split("-"), item = word("Regime ", "");
      item.append(word(`${REGIME[trend]}, ${vol}`, "b"));
      box.append(item);
    }
    // The read-out says what the pointer or the keys are on; without one, the server's text of the running bar stands there.
    read(time) {
      const box = document.querySelector("#ch-hover"), bar = time && (this.store.bar(time) ?? (this.forming?.time === time ? [time, this.forming.open, this.forming.high, this.forming.low, this.forming.close] : null));
      this.key(bar ? time : undefined);
      if (!box) return;
      box.hidden = !bar;
      if (!bar) return;
      const day = this.box.dataset.granularity === "ONE_DAY", iso = new Date(1000 * time).toISOString(), change = 100 * (bar[4] / bar[1] - 1);
      const parts = [["", day ? iso.slice(0, 10) : iso.slice(5, 16).replace("T", " ")], ["O", bar[1]], ["H", bar[2]], ["L", bar[3]], ["C", bar[4]]];
      box.replaceChildren(...parts.map(([name, value]) => {
        const item = word("", "n");
        if (name) item.append(word(`${name} `, "m"));
        item.append(word(name ? this.format.formatter(value) : value, name ? "b" : "m"));
        return item;
      }), word(`${change < 0 ? "\u2212" : "+"}${Math.abs(change).toFixed(2)}\u00a0%`, `n ${change < 0 ? "bad" : "ok"}`));
      const shut = this.store.gates.get(time);
      if (shut) box.append(word(shut.map(([gate, n]) => {
        const text = gate === "entered" ? "an entry followed" : gate === "open" ? "no gate shut" : `shut: ${this.store.titles.get(gate) ?? gate}`;
        return n > 1 || shut.length > 1 ? `${text} ${n}\u00d7` : text;
      }).join(", "), "n m"));
    }
    build(price) {
      const p = (this.p = palette()), n = +(this.box.dataset.digits ?? digits(price));
      this.digits = n;
      this.font = getComputedStyle(document.body).fontFamily;
      const written = new Intl.NumberFormat("en-US", { minimumFractionDigits: n, maximumFractionDigits: n }); // made once: each frame writes dozens
      this.format = { type: "custom", minMove: 10 ** -n, formatter: (v) => written.format(v) };
      const el = (this.el = frame(this.box)), look = options(p, this.box);
      this.chart = L.createChart(el, {
        ...look, rightPriceScale: { ...look.rightPriceScale, minimumWidth: this.box.clientWidth < 500 ? 72 : 88 },
        handleScroll: { pressedMouseMove: false, horzTouchDrag: false, vertTouchDrag: false, mouseWheel: true },
      });
      this.bars = this.chart.addSeries(L.CandlestickSeries, {
        upColor: p.card, borderUpColor: p.ok, wickUpColor: p.ok, downColor: p.bad, borderDownColor: p.bad, wickDownColor: p.bad,
        priceLineVisible: false, lastValueVisible: false, priceFormat: this.format,
      });
      this.volume = this.chart.addSeries(L.HistogramSeries, { priceFormat: { type: "volume" }, priceLineVisible: false, lastValueVisible: false }, 1);
      const panes = this.chart.panes();
      panes[0].setStretchFactor(5);
      panes[1]?.setStretchFactor(0.8);
      this.layer = over(this);
      this.bars.attachPrimitive(this.layer);
      this.chart.subscribeCrosshairMove((at) => { if (at.sourceEvent || !at.time) this.read(at.time); });
      this.chart.timeScale().subscribeVisibleLogicalRangeChange(() => {
        if (this.due) return;
        this.due = true;
        requestAnimationFrame(() => { this.due = false; this.roam(); });
      });
    }
    drop() { this.chart?.remove(); this.chart = null; this.fitted = false; this.heldText = ""; this.reset(); }
  }

  kinds.candles = Candles;
})();
