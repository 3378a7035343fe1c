// Shows what COIN-WATCH sends, and nothing else: no request is answered here and nothing is kept, so no page is ever old.
'use strict';
self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));
self.addEventListener('push', (event) => {
  let told = {};
  try { told = event.data ? event.data.json() : {}; } catch { /* shown as one that cannot be read */ }
  const title = typeof told.title === 'string' && told.title ? told.title : 'An alert that cannot be read';
  event.waitUntil(self.registration.showNotification(title, {
    body: typeof told.body === 'string' ? told.body : '',
    tag: typeof told.tag === 'string' ? told.tag : 'alerts',
    renotify: true,
    requireInteraction: told.critical === true,
    icon: '/icons/192.png',
    data: { url: typeof told.url === 'string' && /^\/[a-z]/.test(told.url) ? told.url : '/alerts' },
  }));
});
self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  const url = new URL(event.notification.data?.url || '/alerts', self.location.origin);
  event.waitUntil((async () => {
    const open = await self.clients.matchAll({ type: 'window', includeUncontrolled: true });
    for (const one of open) {
      if (new URL(one.url).origin !== self.location.origin) continue;
      await one.focus();
      return one.navigate(url.href).catch(() => self.clients.openWindow(url.href));
    }
    return self.clients.openWindow(url.href);
  })());
});
