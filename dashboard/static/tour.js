// Five first steps on the Overview. A step that asks for a command ends when the bot was seen to carry it out.
(() => {
  "use strict";
  const $ = (q, el = document) => el.querySelector(q);
  const KEY = "first-steps";
  const kept = () => { try { return sessionStorage.getItem(KEY); } catch { return null; } };
  const keep = (step) => { try { step === null ? sessionStorage.removeItem(KEY) : sessionStorage.setItem(KEY, step); } catch { /* it begins anew then */ } };
  let at = -1, killed = false;

  const steps = () => [...document.querySelectorAll("#tour [data-step]")];
  const word = () => $("#f-pres b")?.textContent.trim() || "";
  function mark() {
    document.querySelectorAll(".spot").forEach((el) => el.classList.remove("spot"));
    const step = steps()[at];
    if (!step) return;
    for (const el of document.querySelectorAll(step.dataset.spot)) if (el.getClientRects().length) el.classList.add("spot");
    const lacking = $("[data-lacking]", step);
    if (lacking) lacking.hidden = !!$("#ov-positions tbody tr");
  }
  function show(step, by) {
    at = step;
    killed = false;
    const all = steps(), over = at < 0 || at >= all.length;
    $("#tour").hidden = over;
    keep(over ? null : String(at));
    all.forEach((el, n) => { el.hidden = n !== at; });
    mark();
    if (over) return;
    const spot = $(".spot");
    spot?.scrollIntoView({ block: "center", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
    if (by) $("h2", all[at]).focus({ preventScroll: true });
  }
  // What the stream drew anew lost its outline; and what was asked for may have happened.
  function look() {
    if (at < 0) return;
    const name = steps()[at]?.dataset.step, now = word();
    if (name === "pause" && now === "PAUSED") return show(at + 1);
    if (name === "receipt" && now === "RUNNING") return show(at + 1);
    if (name === "kill" && now === "KILLED") killed = true;
    if (name === "kill" && killed && now === "RUNNING") return show(-1);
    mark();
  }
  document.addEventListener("DOMContentLoaded", () => {
    if (!$("#tour")) return;
    document.addEventListener("click", (e) => {
      if (e.target.closest("#tour [data-next]")) show(at + 1, true);
      else if (e.target.closest("#tour [data-end]")) show(-1);
    });
    addEventListener("coin:tick", look);
    if (new URLSearchParams(location.search).has("steps")) {
      history.replaceState(null, "", location.pathname); // loaded again, it goes on where it was
      show(0, true);
    } else if (kept() !== null) show(Number(kept()));
  });
})();
