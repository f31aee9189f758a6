// Keeps versioned static files and the one offline page, and nothing else: what people see when they are signed in is
// never in here. VERSION, OFFLINE and FILES are put in front by the server; a new version replaces the whole cache.

const CACHE = `portal-${VERSION}`;

self.addEventListener("install", (event) => event.waitUntil(fill()));
self.addEventListener("activate", (event) => event.waitUntil(tidy()));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin) return;
  if (url.pathname.startsWith("/static/") && url.searchParams.has("v")) event.respondWith(kept(request));
  else if (request.mode === "navigate") event.respondWith(fetch(request).catch(() => caches.match(OFFLINE)));
});

async function fill() {
  const cache = await caches.open(CACHE);
  await Promise.all(FILES.map(kept));
  await cache.add(new Request(OFFLINE, { credentials: "omit" }));
  await self.skipWaiting();
}

async function tidy() {
  for (const name of await caches.keys()) if (name !== CACHE) await caches.delete(name);
  await self.clients.claim();
}

// While a new version is being rolled out, an older process may answer with what it has: only what the server calls
// immutable is what the address says.
async function kept(request) {
  const found = await caches.match(request);
  if (found) return found;
  const answer = await fetch(request);
  if (/immutable/.test(answer.headers.get("Cache-Control"))) await (await caches.open(CACHE)).put(request, answer.clone());
  return answer;
}
