// What the chart knows of one product and bar length: pages of bars and what happened on them, the newest ones read anew.
(() => {
  "use strict";
  if (!window.coinCharts) return;
  // The place of the last time at or before `at`; -1 = all are later.
  function place(times, at) {
    let low = -1, high = times.length;
    while (high - low > 1) { const mid = (low + high) >> 1; if (times[mid] > at) high = mid; else low = mid; }
    return low;
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

  class BarStore {
    constructor() { this.clear(); }
    clear() {
      this.bars = []; // [start_s, open, high, low, close, volume], oldest first
      this.older = true; // there may be bars before them
      this.lines = new Map(); // name: time: value
      this.regimes = new Map();
      this.turns = new Map();
      this.gates = new Map(); // time: [[gate, decisions, fault]]
      this.titles = new Map(); // gate: title, in the order they are asked
      this.trips = new Map();
    }
    // One answer of /api/candles. `newest`: it ends with the newest bar. True = something is other than it was.
    take(d, newest) {
      const found = d.candles, first = found[0]?.[0];
      if (!found.length) { if (!newest) this.older = false; return false; }
      let changed = false;
      // A page that slept for longer than one answer spans: what is between them is not known.
      if (newest && this.bars.length && first > this.bars.at(-1)[0] + d.step_s && d.older) this.clear();
      if (newest) {
        const keep = this.upTo(first), tail = this.bars.slice(keep);
        changed = tail.length !== found.length || found.some((row, i) => row.some((value, k) => value !== tail[i][k]));
        if (changed) this.bars.splice(keep, tail.length, ...found);
        if (keep === 0) this.older = d.older;
      } else {
        const until = this.bars.length ? this.bars[0][0] : Infinity, rows = found.filter((row) => row[0] < until);
        this.bars = [...rows, ...this.bars];
        this.older = d.older;
        changed = rows.length > 0;
      }
      for (const [name, rows] of Object.entries(d.indicators)) {
        if (!this.lines.has(name)) this.lines.set(name, new Map());
        const line = this.lines.get(name);
        for (const [at, value] of rows) if (line.get(at) !== value) { line.set(at, value); changed = true; }
      }
      for (const [into, rows] of [[this.regimes, d.regimes], [this.turns, d.signals]]) {
        for (const [at, word] of rows) if (into.get(at) !== word) { into.set(at, word); changed = true; }
      }
      const shut = this.takeGates(d), closed = this.takeTrips(d);
      return changed || shut || closed;
    }
    takeGates(d) {
      const by = new Map();
      for (const [at, ...one] of d.gates) by.has(at) ? by.get(at).push(one) : by.set(at, [one]);
      let changed = false;
      for (const [at, rows] of by) {
        const text = JSON.stringify(rows);
        if (JSON.stringify(this.gates.get(at)) !== text) { this.gates.set(at, rows); changed = true; }
      }
      for (const { gate, title } of d.gate_rows) if (!this.titles.has(gate)) { this.titles.set(gate, title); changed = true; }
      return changed;
    }
    takeTrips(d) {
      const before = this.trips.size;
      for (const trip of d.round_trips) this.trips.set(trip.lot_id, trip);
      return this.trips.size !== before;
    }
    // How many bars began before `at`.
    upTo(at) {
      let low = 0, high = this.bars.length;
      while (low < high) { const mid = (low + high) >> 1; if (this.bars[mid][0] < at) low = mid + 1; else high = mid; }
      return low;
    }
    bar(at) {
      const found = this.bars[this.upTo(at)];
      return found && found[0] === at ? found : undefined;
    }
  }

  Object.assign(window.coinCharts, { BarStore, place, withGaps, broken });
})();
