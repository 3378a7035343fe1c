// A take or stop is dragged: blue line, the old one dotted, a card with the effect after fees, and nothing is sent before its button.
(() => {
  "use strict";
  const kit = window.coinCharts;
  if (!kit?.kinds.candles) return;
  const { get, signed } = kit;
  const $ = (q, el = document) => el.querySelector(q);
  const KEYS = { ArrowUp: 10, ArrowDown: -10, PageUp: 100, PageDown: -100 }; // ticks
  const plain = (price, digits) => price.toFixed(digits);
  const percent = (v) => (v === null || v === undefined ? "\u2014" : `${signed(v)}\u00a0%`);
  const money = (v) => (v === null || v === undefined ? "\u2014" : signed(v));
  const csrf = () => $('meta[name="csrf"]').content;
  const may = () => "handles" in ($("#ch-now")?.dataset ?? {});

  class Mover {
    constructor(chart) {
      this.chart = chart;
      this.grips = new Map(); // lot and kind: button
      this.box = document.createElement("div");
      this.box.className = "grips";
      chart.el.append(this.box);
      chart.painted = (size) => this.follow(size);
      this.card = $("#ch-move");
      $("#mv-go").onclick = () => this.send();
      $("#mv-back").onclick = () => this.back();
    }
    key(one) { return `${one.kind}:${one.lot_id}`; }
    // With each frame: the handles stand on their lines, and there is none on what is old, not seen or not an operator's.
    follow(size) {
      const { chart } = this, wanted = new Map(may() ? chart.levels.filter((one) => one.moves).slice(0, 24).map((one) => [this.key(one), one]) : []);
      for (const [key, grip] of this.grips) if (!wanted.has(key)) { grip.remove(); this.grips.delete(key); }
      if (chart.picked) {
        const now = wanted.get(this.key(chart.picked));
        if (!now) this.gone();
        else if (now.price !== chart.picked.price) now.price === chart.picked.to ? this.back() : this.moved(now);
      }
      for (const [key, one] of wanted) {
        const grip = this.grips.get(key) ?? this.grip(key, one), picked = chart.picked && this.key(chart.picked) === key, price = picked ? chart.picked.to : one.price;
        const y = chart.y(price), off = y === null || y < 0 || y > size.height, at = `translate(${Math.round(size.width - 26)}px, ${Math.round((y ?? 0) - 10)}px)`;
        if (grip.hidden !== off) grip.hidden = off;
        if (!off && grip.style.transform !== at) grip.style.transform = at;
        if (grip.dataset.price !== String(price)) {
          grip.dataset.price = price;
          grip.setAttribute("aria-valuenow", price);
          grip.setAttribute("aria-valuetext", `${chart.format.formatter(price)}${picked && price !== one.price ? ", not sent" : ""}`);
        }
        grip.classList.toggle("now", !!picked && price !== one.price);
        grip.one = one;
      }
    }
    grip(key, one) {
      const grip = document.createElement("button"), { chart } = this;
      Object.assign(grip, { type: "button", className: "grip" });
      for (const [name, value] of Object.entries({ role: "slider", "aria-orientation": "vertical", "aria-label": `${one.name}: arrow keys move it by 10 ticks, page keys by 100`, "aria-valuemin": 0, "aria-valuemax": 10 * one.price })) grip.setAttribute(name, value);
      grip.append(...[6, 10].map(() => document.createElement("i")));
      grip.addEventListener("pointerdown", (e) => {
        e.preventDefault();
        e.stopPropagation();
        grip.focus();
        grip.setPointerCapture(e.pointerId);
        const top = chart.el.getBoundingClientRect().top;
        const move = (m) => this.to(grip.one, chart.bars.coordinateToPrice(m.clientY - top));
        grip.addEventListener("pointermove", move);
        for (const up of ["pointerup", "pointercancel"]) grip.addEventListener(up, () => grip.removeEventListener("pointermove", move), { once: true });
      });
      grip.addEventListener("keydown", (e) => {
        if (e.key === "Escape") this.back();
        if (!(e.key in KEYS) || e.ctrlKey || e.metaKey || e.altKey) return;
        e.preventDefault();
        e.stopPropagation();
        const picked = chart.picked && this.key(chart.picked) === key ? chart.picked.to : grip.one.price;
        this.to(grip.one, picked + KEYS[e.key] * 10 ** -chart.digits);
      });
      this.grips.set(key, grip);
      this.box.append(grip);
      return grip;
    }
    to(one, price) {
      const { chart } = this, to = +plain(price, chart.digits);
      if (!may() || !(to > 0)) return;
      const fresh = !chart.picked || this.key(chart.picked) !== this.key(one);
      chart.picked = { ...one, to };
      if (fresh) { this.was = null; this.sent = false; this.look(one.price).then((d) => { this.was = d; this.show(); }, () => {}); }
      this.found = null;
      this.show();
      chart.layer.redraw?.();
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.ask(), 80);
    }
    look(price) {
      const { lot_id, moves } = this.chart.picked;
      return get(`/api/lots/${encodeURIComponent(lot_id)}/preview?${moves}=${plain(price, this.chart.digits)}`);
    }
    async ask() {
      const { picked } = this.chart;
      if (!picked) return;
      try {
        const d = await this.look(picked.to);
        if (this.chart.picked === picked) { this.found = d; this.show(); }
      } catch (e) {
        if (this.chart.picked === picked) { this.found = { refusal: `its effect is not known (${e.message})` }; this.show(); }
      }
    }
    show() {
      const { picked, format } = this.chart, { card, found: d, was } = this;
      if (!picked) return void (card.hidden = true);
      card.hidden = false;
      const take = picked.moves === "take", put = (name, text, tone) => {
        const el = $(`[data-d=${name}]`, card);
        el.textContent = text;
        el.className = tone ?? "";
      };
      const tone = (v) => (v > 0.004 ? "n ok" : v < -0.004 ? "n bad" : "n");
      put("what", take ? "Move a take profit" : "Move a stop loss");
      put("lot", picked.lot, "m");
      put("old", format.formatter(picked.price), "old");
      put("new", format.formatter(picked.to), "new");
      put("mark", d?.mark ? `, from ${format.formatter(d.mark)}` : "");
      put("go0", percent(was?.from_mark_pct), "m");
      put("go", percent(d?.from_mark_pct));
      put("res0", money(was?.result), "m");
      put("res", money(d?.result), tone(d?.result));
      put("fee", d?.fee === null || d?.fee === undefined ? "\u2014" : signed(-d.fee));
      put("even", d?.break_even ? ` ${format.formatter(d.break_even)}` : "");
      put("be", d?.break_even ? percent(100 * (picked.to / d.break_even - 1)) : "\u2014");
      put("note", d?.note ? `${d.note[0].toUpperCase()}${d.note.slice(1)}.` : take ? "The resting order is cancelled, seen gone, then placed anew: for a moment nothing rests." : "");
      const why = this.sent ? "It is sent; its receipt says what became of it." : !may() ? "The figures are old." : picked.to === picked.price ? (take ? "It rests there already." : "It stands there already.") : !d ? "Its effect is being looked up." : d.refusal ? `${d.refusal[0].toUpperCase()}${d.refusal.slice(1)}.` : "";
      const go = $("#mv-go");
      go.textContent = take ? "Move the take" : "Move the stop";
      go.setAttribute("aria-disabled", why !== "");
      why ? (go.dataset.why = why) : delete go.dataset.why;
      put("why", why, "s m");
    }
    async send() {
      const { found: d, chart } = this;
      if ($("#mv-go").getAttribute("aria-disabled") === "true" || !d || d.refusal || d.asked === undefined || +d.asked !== chart.picked?.to) return;
      this.sent = true;
      this.show();
      try {
        const answer = await fetch("/api/commands", {
          method: "POST", body: JSON.stringify({ cmd: d.cmd, args: d.args }), signal: AbortSignal.timeout(8000),
          headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf() },
        });
        if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).detail ?? answer.status);
      } catch (e) {
        this.sent = false;
        this.found = { ...d, refusal: `not sent: ${e.message}` };
        this.show();
      }
    }
    // The level moved meanwhile, by the bot or by somebody else: what is dragged counts from where it stands now.
    moved(one) {
      const { to } = this.chart.picked;
      this.chart.picked = null;
      this.to(one, to);
    }
    gone() { if (may()) this.back(); else this.show(); }
    back() {
      clearTimeout(this.timer);
      this.chart.picked = null;
      this.found = null;
      this.show();
      this.chart.layer.redraw?.();
    }
  }

  let mover = null;
  addEventListener("coin:chart", ({ detail: chart }) => { if ($("#ch-move")) mover = new Mover(chart); });
  addEventListener("coin:tick", () => { if (mover?.chart.picked) mover.show(); });
  document.addEventListener("click", (e) => {
    const wanted = e.target.closest("[data-move]")?.dataset.move, grip = wanted && mover?.grips.get(wanted);
    if (!grip) return;
    mover.chart.box.scrollIntoView({ block: "nearest" });
    grip.hidden = false;
    grip.focus();
    mover.to(grip.one, mover.chart.picked && mover.key(mover.chart.picked) === wanted ? mover.chart.picked.to : grip.one.price);
  });
})();
