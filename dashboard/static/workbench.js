// The hand on the chart: panning, the keys, which indicators are drawn, the way to the lots.
(() => {
  "use strict";
  const kit = window.coinCharts;
  if (!kit?.kinds.candles) return;
  const $ = (q, el = document) => el.querySelector(q);
  const keep = (name, value) => { try { localStorage.setItem(name, JSON.stringify(value)); } catch { /* private windows keep nothing */ } };
  const kept = (name, or) => { try { return JSON.parse(localStorage.getItem(name)) ?? or; } catch { return or; } };

  // The view goes with the hand. The library's own way counts from where the press began, among bars that change meanwhile.
  function pan(chart) {
    let at = null;
    const scale = chart.chart.timeScale();
    chart.el.addEventListener("pointerdown", (e) => {
      if (e.button || e.target.closest("button") || chart.tool || e.clientX - chart.el.getBoundingClientRect().left > scale.width() || e.target.closest("tr:last-child")) return;
      at = e.clientX;
    });
    addEventListener("pointermove", (e) => {
      if (at === null || !chart.chart) return;
      chart.shift((at - e.clientX) / chart.spacing());
      at = e.clientX;
    });
    for (const up of ["pointerup", "pointercancel"]) addEventListener(up, () => { at = null; });
  }
  Object.assign(kit.kinds.candles.prototype, {
    shift(bars) {
      const seen = this.seen();
      if (!seen) return;
      const most = this.toEnd ? this.rows.length - 10 : Infinity, least = this.store.older || this.times[0] > this.store.bars[0][0] ? -Infinity : 10 - (seen.to - seen.from);
      const from = Math.max(least, Math.min(most, seen.from + bars));
      this.show(from, from + (seen.to - seen.from));
    },
    zoom(part) {
      const seen = this.seen();
      if (seen) this.show(seen.to - Math.max(10, (seen.to - seen.from) * part), seen.to);
    },
    // The cursor of the keys: a bar, and a price on it.
    point(i, price) {
      const step = i < (this.cursor?.i ?? i) ? -1 : 1, last = this.rows.length - 1;
      let at = Math.max(0, Math.min(last, i));
      while (at > 0 && at < last && this.rows[at].close === undefined) at += step; // an empty place has nothing to read
      const row = this.rows[at];
      this.cursor = { i: at, price: price ?? row.close };
      const seen = this.seen();
      if (at < seen.from + 1) this.shift(at - seen.from - 1);
      else if (at > seen.to - 1) this.shift(at - seen.to + 1);
      this.chart.setCrosshairPosition(this.cursor.price, row.time, this.bars);
      this.read(row.time);
    },
    leave() {
      this.cursor = null;
      this.chart?.clearCrosshairPosition();
      this.read(undefined);
    },
  });

  function keys(chart) {
    const el = chart.el;
    el.tabIndex = 0;
    el.setAttribute("role", "group");
    el.setAttribute("aria-roledescription", "chart");
    el.setAttribute("aria-label", `${chart.box.dataset.product}: left and right arrow read the bars, page keys go a screen, plus and minus zoom, escape leaves`);
    el.addEventListener("keydown", (e) => {
      if (e.ctrlKey || e.metaKey || e.altKey || e.target !== el) return;
      const seen = chart.seen(), wide = seen.to - seen.from;
      const i = chart.cursor?.i ?? Math.min(chart.rows.length, Math.ceil(seen.to)), tick = Math.abs(chart.bars.coordinateToPrice(0) - chart.bars.coordinateToPrice(8));
      const act = {
        ArrowLeft: () => chart.point(i - 1), ArrowRight: () => chart.point(i + 1),
        PageUp: () => chart.shift(-0.8 * wide), PageDown: () => chart.shift(0.8 * wide),
        Home: () => chart.draw("start"), End: () => chart.draw("end"),
        "+": () => chart.zoom(0.7), "=": () => chart.zoom(0.7), "-": () => chart.zoom(1.4),
        ArrowUp: () => chart.point(i, (chart.cursor?.price ?? chart.last) + tick), ArrowDown: () => chart.point(i, (chart.cursor?.price ?? chart.last) - tick),
      }[e.key];
      if (!act) return;
      e.preventDefault();
      e.stopPropagation();
      act();
    });
    el.addEventListener("keydown", (e) => { if (e.key === "Escape" && e.target === el) chart.leave(); });
    el.addEventListener("blur", () => { if (chart.cursor) chart.leave(); });
  }

  // Which lines are drawn, a person chooses; this browser remembers.
  const HIDDEN = "chart.hidden";
  function indicators(chart) {
    const box = $("#ch-ind"), button = $("#ch-ind-n");
    if (!box) return;
    chart.hidden = new Set(kept(HIDDEN, []));
    const names = [...chart.store.lines.keys()].slice(0, 4);
    if (chart.store.regimes.size) names.push("Regime");
    names.push("Volume");
    if (chart.store.titles.size) names.push("Gates");
    const count = () => { button.textContent = names.filter((name) => !chart.hidden.has(name)).length; };
    box.replaceChildren(...names.map((name) => {
      const label = document.createElement("label"), input = Object.assign(document.createElement("input"), { type: "checkbox", checked: !chart.hidden.has(name), className: "ch" });
      input.addEventListener("change", () => {
        input.checked ? chart.hidden.delete(name) : chart.hidden.add(name);
        keep(HIDDEN, [...chart.hidden]);
        count();
        chart.draw();
      });
      label.append(input, ` ${name === "Gates" ? "Shut gates" : name}`);
      return label;
    }));
    count();
    if (chart.hidden.size) chart.draw();
  }

  async function toLots(chart) {
    const opened = chart.levels.filter((one) => one.kind === "open").map((one) => one.opened_s);
    if (!opened.length) return;
    const first = Math.min(...opened);
    for (let page = 0; page < 20 && chart.store.bars[0][0] > first; page++) if (!(await chart.older())) break;
    const bars = chart.store.bars.length - chart.store.upTo(first);
    const from = chart.rows.length - Math.min(bars * 1.06 + 8, chart.store.bars.length);
    chart.show(from, chart.rows.length + 4);
  }

  addEventListener("coin:chart", ({ detail: chart }) => {
    pan(chart);
    keys(chart);
    indicators(chart);
    const lots = $("#ch-lots-go");
    if (lots) lots.onclick = () => toLots(chart).catch((e) => console.warn("chart", String(e)));
  });
  // A panel closes when the focus or a press goes elsewhere.
  document.addEventListener("pointerdown", (e) => { for (const d of document.querySelectorAll("#ch-tools details[open]")) if (!d.contains(e.target)) d.open = false; });
  document.addEventListener("keydown", (e) => {
    const open = e.key === "Escape" && e.target.closest?.("#ch-tools details[open]");
    if (open) { open.open = false; $("summary", open).focus(); }
  });
  Object.assign(kit, { keep, kept });
})();
