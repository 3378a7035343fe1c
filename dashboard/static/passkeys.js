// Passkeys: register one, sign in with one, confirm a sign-in with one. Everything else works without this file.
(() => {
  "use strict";
  const $ = (q) => document.querySelector(q);
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const SAYS = {
    NotAllowedError: "No passkey was used: cancelled, timed out, or none matches.",
    InvalidStateError: "This authenticator already has a passkey for COIN.",
    SecurityError: "Passkeys do not work at this address.",
    NotSupportedError: "This authenticator can't make such a passkey.",
  };

  function say(words) {
    const box = $("[data-passkey-say]");
    box.hidden = !words;
    box.querySelector("span").textContent = words;
  }
  async function ask(path, body) {
    const csrf = $('meta[name="csrf"]')?.content || $('input[name="csrf"]')?.value || "";
    const answer = await fetch(path, {
      method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf },
    });
    const found = await answer.json();
    if (found.confirm) location.href = found.confirm;
    if (!answer.ok) throw new Error(found.error || `Refused (${answer.status}).`);
    return found;
  }
  async function make(name, role) {
    const o = await ask("/passkeys/begin", { name, role });
    o.challenge = bytes(o.challenge);
    o.user.id = bytes(o.user.id);
    for (const known of o.excludeCredentials || []) known.id = bytes(known.id);
    const made = await navigator.credentials.create({ publicKey: o });
    return ask("/passkeys/register", {
      rawId: text(made.rawId), type: made.type,
      response: { clientDataJSON: text(made.response.clientDataJSON), attestationObject: text(made.response.attestationObject) },
    });
  }
  async function use(path, back) {
    const o = await ask(`${path}/begin`, {});
    o.challenge = bytes(o.challenge);
    const used = await navigator.credentials.get({ publicKey: o });
    const r = used.response;
    return ask(path + (back ? `?back=${encodeURIComponent(back)}` : ""), {
      rawId: text(used.rawId), type: used.type,
      response: {
        clientDataJSON: text(r.clientDataJSON), authenticatorData: text(r.authenticatorData), signature: text(r.signature),
        userHandle: r.userHandle ? text(r.userHandle) : null,
      },
    });
  }
  async function run(button, work) {
    button.disabled = true;
    say("");
    try {
      location.href = (await work()).go;
    } catch (error) {
      say(SAYS[error.name] || error.message);
    } finally {
      button.disabled = false;
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    if (!window.PublicKeyCredential) return;
    for (const box of document.querySelectorAll("[data-passkey-box]")) box.hidden = false;
    const add = $("form[data-passkey-add]");
    add?.addEventListener("submit", (e) => {
      e.preventDefault();
      const data = new FormData(add);
      run(add.querySelector("button"), () => make(data.get("name"), data.get("role")));
    });
    for (const button of document.querySelectorAll("[data-passkey-use]"))
      button.addEventListener("click", () => run(button, () => use(button.dataset.passkeyUse, button.dataset.back)));
  });
})();
