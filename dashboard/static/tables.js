// Tables sort by a click or Enter on a column's head, and filter by what is typed. Both hold over refreshes.
(() => {
  "use strict";
  const chosen = new Map();
  const tables = () => [...document.querySelectorAll("table[data-sortable]")];
  const name = (table) => `${table.closest("[id]")?.id}/${[...document.querySelectorAll("table")].indexOf(table)}`;

  // A time sorts by its moment, a number by its value, the rest as text; second lines do not count.
  function value(cell) {
    const time = cell.querySelector("time[datetime]");
    if (time) return Date.parse(time.dateTime);
    const text = [...cell.childNodes].filter((n) => n.nodeName !== "SMALL").map((n) => n.textContent).join(" ").trim();
    const plain = text.replace(/,/g, "").replace("\u2212", "-");
    const number = parseFloat(plain);
    return Number.isFinite(number) && /^[+-]?\d/.test(plain) && !/^\d{4}-/.test(plain) ? number : text.toLowerCase();
  }
  function sort(table) {
    const [column, sign] = chosen.get(name(table)) || [];
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((th, i) => {
      if (th.tabIndex !== 0) th.tabIndex = 0;
      if (i === column) th.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
      else th.removeAttribute("aria-sort");
    });
    if (column === undefined) return;
    const body = table.tBodies[0], rows = [...body.rows];
    const keys = new Map(rows.map((r) => [r, value(r.cells[column])]));
    rows.sort((a, b) => {
      const x = keys.get(a), y = keys.get(b);
      if (x === "" || y === "") return (x === "") - (y === "");
      return sign * (typeof x === typeof y ? (x < y ? -1 : x > y ? 1 : 0) : typeof x === "number" ? -1 : 1);
    });
    if (rows.some((r, i) => body.rows[i] !== r)) body.append(...rows);
  }
  function choose(th) {
    const table = th.closest("table[data-sortable]");
    if (!table || !th.closest("thead")) return;
    const column = th.cellIndex, [before, sign] = chosen.get(name(table)) || [];
    if (before === column && sign < 0) chosen.delete(name(table)); // the third time: as it came
    else chosen.set(name(table), [column, before === column ? -sign : 1]);
    if (chosen.has(name(table))) sort(table);
    else location.reload();
  }
  // Every word must stand in the row; a row of a group may have it in the group's own head.
  function filter(input) {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const body of input.closest("section").querySelectorAll("tbody")) {
      const head = body.querySelector(":scope > .pr"), rows = [...body.rows].filter((r) => r !== head);
      const group = head ? head.cells[0].textContent : "";
      for (const row of rows) {
        const text = `${group} ${row.textContent}`.toLowerCase();
        row.hidden = !words.every((w) => text.includes(w));
      }
      body.hidden = words.length > 0 && rows.every((r) => r.hidden);
    }
    const section = input.closest("section"), bodies = [...section.querySelectorAll("tbody")], none = section.querySelector("[data-nofit]");
    if (!none) return;
    none.hidden = !bodies.length || bodies.some((b) => !b.hidden);
    none.querySelector("[data-words]").textContent = input.value.trim();
    bodies[0]?.closest("table").toggleAttribute("hidden", !none.hidden);
  }
  const filters = () => document.querySelectorAll("[data-filter]").forEach((input) => { if (input.value) filter(input); });
  addEventListener("DOMContentLoaded", () => {
    tables().forEach(sort);
    filters();
    document.addEventListener("htmx:after:swap", () => { tables().forEach(sort); filters(); });
    document.addEventListener("input", (e) => { if (e.target.matches?.("[data-filter]")) filter(e.target); });
    document.addEventListener("click", (e) => {
      const input = e.target.closest("[data-clear]")?.closest("section").querySelector("[data-filter]");
      if (!input) return;
      input.value = "";
      filter(input);
      input.focus();
    });
    document.addEventListener("click", (e) => { const th = e.target.closest("th"); if (th) choose(th); });
    document.addEventListener("keydown", (e) => { if (e.key === "Enter" && e.target.matches?.("th")) choose(e.target); });
  });
})();
