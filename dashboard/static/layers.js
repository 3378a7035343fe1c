// What is drawn over the bars: round trips as brackets, open lots, the hatched bar, drawings; and the strip of shut gates.
(() => {
  "use strict";
  const kit = window.coinCharts;
  if (!kit) return;
  const { fade } = kit;
  const two = new Intl.NumberFormat("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  const signed = (v) => `${v < 0 ? "\u2212" : "+"}${two.format(Math.abs(v))}`;
  const FONT = "11px";

  // Something drawn by hand in a pane of the chart, and beside it on the price axis.
  class Layer {
    constructor(draw, axis, z = "top") {
      const view = (paint) => ({ zOrder: () => z, renderer: () => ({ draw: (target) => target.useMediaCoordinateSpace(({ context, mediaSize }) => { context.save(); paint(context, mediaSize); context.restore(); }) }) });
      this.pane = [view(draw)];
      this.axis = axis ? [view(axis)] : [];
    }
    attached({ requestUpdate }) { this.redraw = requestUpdate; }
    paneViews() { return this.pane; }
    priceAxisPaneViews() { return this.axis; }
  }

  function line(c, points, colour, { dash = [], width = 1, alpha = 1 } = {}) {
    c.globalAlpha = alpha;
    c.strokeStyle = colour;
    c.lineWidth = width;
    c.setLineDash(dash);
    c.beginPath();
    points.forEach(([x, y], i) => (i ? c.lineTo(x, y) : c.moveTo(x, y)));
    c.stroke();
    c.setLineDash([]);
    c.globalAlpha = 1;
  }
  const opens = (c, x, y, colour) => line(c, [[x + 4, y - 6], [x, y - 6], [x, y + 6], [x + 4, y + 6]], colour, { width: 1.5 });
  const ends = (c, x, y, colour) => line(c, [[x - 4, y - 6], [x, y - 6], [x, y + 6], [x - 4, y + 6]], colour, { width: 1.5 });
  const write = (c, chart, text, x, y, colour, align = "left") => {
    c.font = `${FONT} ${chart.font}`;
    c.textAlign = align;
    c.textBaseline = "middle";
    c.fillStyle = colour;
    c.fillText(text, x, y);
  };

  // Bought and sold, joined, with the result after fees; results that would cover one another are left out.
  function trips(chart, c, size) {
    const { p, view } = chart, boxes = [];
    c.font = `600 ${FONT} ${chart.font}`;
    for (let i = chart.trips.length - 1; i >= 0; i--) {
      const one = chart.trips[i];
      if (one.to < view.from - 1 || one.from > view.to + 1) continue;
      const [x0, x1] = [chart.x(one.from), chart.x(one.to)], [y0, y1] = [chart.y(one.open_price), chart.y(one.close_price)];
      if (y0 === null || y1 === null) continue;
      const colour = one.result < 0 ? p.bad : p.ok;
      line(c, [[x0, y0], [x1, y1]], colour, { alpha: 0.75, width: 1.2 });
      opens(c, x0, y0, colour);
      ends(c, x1, y1, colour);
      const text = signed(one.result), wide = c.measureText(text).width + 10, left = Math.min(x1 - wide / 2, size.width - wide - 2), top = y1 - 27;
      if (boxes.some((b) => left < b[0] + b[2] + 2 && left + wide + 2 > b[0] && top < b[1] + 20 && top + 20 > b[1])) continue;
      boxes.push([left, top, wide]);
      c.beginPath();
      c.roundRect(left + 0.5, top + 0.5, wide, 16, 4);
      c.fillStyle = p.card;
      c.fill();
      c.lineWidth = 1;
      c.strokeStyle = colour;
      c.stroke();
      c.font = `600 ${FONT} ${chart.font}`;
      c.textAlign = "center";
      c.textBaseline = "middle";
      c.fillStyle = colour;
      c.fillText(text, left + wide / 2, top + 9);
    }
  }

  // Open lots: cost dashed from where it was bought, take and stop; the strip of price that the fees eat of the one that is picked.
  function lots(chart, c, size) {
    const { p } = chart, few = chart.levels.length <= 12 && size.width > 500, out = { above: [], below: [] }, named = [];
    for (const one of chart.levels) {
      const y = chart.y(one.price), x = Math.max(-4, Math.min(chart.x(one.at), size.width - 12));
      if (y === null) continue;
      if (y < 0 || y > size.height) { if (one.kind !== "open") out[y < 0 ? "above" : "below"].push(one); continue; }
      const picked = chart.picked?.lot_id === one.lot_id;
      if (one.kind === "open") {
        const even = chart.y(one.break_even);
        if (picked && even !== null) {
          c.fillStyle = fade(p.ink2, 0.1);
          c.fillRect(x, Math.min(y, even), size.width - x, Math.abs(even - y));
          line(c, [[x, even], [size.width, even]], p.edge, { dash: [1, 3] });
        }
        opens(c, x, y, p.ink);
        line(c, [[x, y], [size.width, y]], p.ink2, { dash: [4, 3] });
      } else line(c, [[x, y], [size.width, y]], one.kind === "stop" ? p.warn : p.ink2, picked ? { dash: [1.5, 3], width: 1.4 } : {});
      if (!few || named.some((other) => Math.abs(other - y) < 13)) continue;
      named.push(y);
      write(c, chart, one.name, size.width - 28, y - 8, one.kind === "stop" ? p.warn : p.ink3, "right");
    }
    const last = chart.last;
    for (const [where, found] of Object.entries(out)) {
      found.slice(0, 2).forEach((one, i) => {
        const go = last ? `, ${signed(100 * (one.price / last - 1))} %` : "", more = i === 1 && found.length > 2 ? `, and ${found.length - 2} more` : "";
        write(c, chart, `${one.name} ${chart.format.formatter(one.price)} is ${where}${go}${more}`, 8, where === "above" ? 12 + 15 * i : size.height - 12 - 15 * i, p.ink3);
      });
    }
  }

  // The bar that is not closed yet is hatched.
  function hatch(chart, c) {
    const one = chart.forming;
    if (!one) return;
    const x = chart.x(chart.rows.length - 1), [a, b] = [chart.y(one.open), chart.y(one.close)], wide = Math.max(3, chart.spacing() * 0.8);
    if (a === null || b === null) return;
    const top = Math.min(a, b), tall = Math.max(3, Math.abs(a - b));
    c.beginPath();
    c.rect(x - wide / 2, top, wide, tall);
    c.clip();
    for (let at = -tall; at < wide; at += 4) line(c, [[x - wide / 2 + at, top + tall], [x - wide / 2 + at + tall, top]], one.borderColor);
  }

  // The dragged line: the new price, blue.
  function dragged(chart, c, size) {
    const one = chart.picked;
    if (!one || one.to === one.price) return;
    const y = chart.y(one.to);
    if (y === null) return;
    line(c, [[0, y], [size.width, y]], chart.p.now, { width: 2 });
    write(c, chart, `${one.name}, moved to ${chart.format.formatter(one.to)}`, 8, y - 9, chart.p.now);
  }

  const paint = (chart) => (c, size) => {
    chart.wanted = null;
    chart.view = chart.chart.timeScale().getVisibleLogicalRange() ?? { from: 0, to: 0 };
    lots(chart, c, size);
    trips(chart, c, size);
    chart.drawings?.paint(c, size);
    dragged(chart, c, size);
    hatch(chart, c);
    chart.painted?.(size);
  };

  // One row a gate: a block where it was the first shut one, as high as its share of the bar's decisions. A rail is drawn
  // where decisions were recorded, and nothing where none was.
  const shown = (store) => [...store.titles].slice(0, 8);
  function strip(chart, c, size) {
    const { p, store } = chart, rows = shown(store), tall = size.height / Math.max(1, rows.length);
    const place = new Map(rows.map(([gate], i) => [gate, i])), spacing = chart.spacing(), wide = Math.max(1, spacing * 0.86);
    const { from, to } = chart.view;
    for (let i = Math.max(0, Math.floor(from)); i <= Math.min(chart.rows.length - 1, Math.ceil(to)); i++) {
      const found = store.gates.get(chart.rows[i].time);
      if (!found) continue;
      const x = chart.x(i), sum = found.reduce((n, one) => n + one[1], 0);
      c.fillStyle = p.line;
      for (let k = 0; k < rows.length; k++) c.fillRect(x - spacing / 2, Math.round(tall * (k + 0.5)), spacing + 0.5, 1);
      for (const [gate, n, fault] of found) {
        if (gate === "entered") { c.fillStyle = p.ok; c.fillRect(x - 0.6, 0, 1.2, size.height); continue; }
        const k = place.get(gate);
        if (k === undefined) continue;
        const high = Math.max(2, Math.min(10, tall - 3) * (n / sum));
        c.fillStyle = fault ? p.bad : p.ink2;
        c.fillRect(x - wide / 2, tall * (k + 0.5) - high / 2, wide, high);
      }
    }
  }
  function names(chart, c, size) {
    const rows = shown(chart.store), tall = size.height / Math.max(1, rows.length);
    c.font = `${FONT} ${chart.font}`;
    rows.forEach(([, title], k) => {
      let text = title;
      while (text.length > 3 && c.measureText(text).width > size.width - 10) text = `${text.slice(0, -2).trimEnd()}\u2026`;
      write(c, chart, text, 8, tall * (k + 0.5), chart.p.ink3);
    });
  }

  Object.assign(kit, {
    Layer, line, write, signed,
    over: (chart) => new Layer(paint(chart)),
    gates: (chart) => new Layer((c, size) => strip(chart, c, size), (c, size) => names(chart, c, size)),
  });
})();
