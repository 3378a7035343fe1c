// Alerts on this device: asks the browser for a subscription and hands it to the dashboard. Only where a person asks.
'use strict';
(() => {
  const box = document.querySelector('[data-push]');
  if (!box) return;
  const add = box.querySelector('[data-push-add]'), off = box.querySelector('[data-push-off]');
  const said = box.querySelector('[data-push-say]'), name = box.querySelector('input[name=name]');
  const csrf = document.querySelector('meta[name=csrf]').content;
  const say = (text) => { said.textContent = text; };
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
  const text64 = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
  const post = async (url, body) => {
    const answer = await fetch(url, {
      method: 'POST', headers: { 'content-type': 'application/json', 'x-csrf-token': csrf }, body: JSON.stringify(body),
    });
    const found = await answer.json().catch(() => ({}));
    if (found.confirm) { location.href = found.confirm; throw new Error('Confirm your sign-in first.'); }
    if (!answer.ok) throw new Error(found.error || `The dashboard answered ${answer.status}.`);
    return found;
  };
  const markOf = async (endpoint) => {
    const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(endpoint)));
    return [...hash.slice(0, 8)].map((one) => one.toString(16).padStart(2, '0')).join('');
  };
  const why = () => {
    if (!window.isSecureContext) return 'Push needs a host name with TLS, or localhost. This page was opened without.';
    const apple = /iPhone|iPad/.test(navigator.userAgent) && !navigator.standalone;
    if (apple) return 'On an iPhone or iPad: Share, Add to Home Screen, and open COIN from there.';
    if (!('serviceWorker' in navigator) || !('PushManager' in window)) return 'This browser knows no push.';
    if (Notification.permission === 'denied') return 'This browser was told to show no notifications from here.';
    return '';
  };
  const show = async () => {
    const wrong = why();
    const registration = wrong ? null : await navigator.serviceWorker.getRegistration('/');
    const subscription = registration ? await registration.pushManager.getSubscription() : null;
    const mark = subscription ? await markOf(subscription.endpoint) : '';
    const known = subscription && [...document.querySelectorAll('[data-push-mark]')]
      .some((one) => one.dataset.pushMark === mark);
    add.hidden = Boolean(wrong) || Boolean(known);
    off.hidden = !known;
    say(wrong || (known ? 'This device is told.' : 'This device is not told yet.'));
  };
  add.addEventListener('click', async () => {
    add.disabled = true;
    try {
      if (await Notification.requestPermission() !== 'granted') throw new Error('The browser did not allow it.');
      await navigator.serviceWorker.register('/sw.js', { scope: '/', updateViaCache: 'none' });
      const registration = await navigator.serviceWorker.ready;
      const { key } = await post('/alerts/push/key', {});
      const before = await registration.pushManager.getSubscription();
      if (before) await before.unsubscribe();
      const made = await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytes(key) });
      await post('/alerts/push', {
        endpoint: made.endpoint, p256dh: text64(made.getKey('p256dh')), auth: text64(made.getKey('auth')), name: name.value,
      });
      location.reload();
    } catch (error) { say(error.message); }
    add.disabled = false;
  });
  off.addEventListener('click', async () => {
    try {
      const registration = await navigator.serviceWorker.getRegistration('/');
      const subscription = registration && await registration.pushManager.getSubscription();
      if (subscription) {
        await post('/alerts/push/off', { endpoint: subscription.endpoint });
        await subscription.unsubscribe();
      }
      location.reload();
    } catch (error) { say(error.message); }
  });
  show().catch((error) => say(error.message));
})();
