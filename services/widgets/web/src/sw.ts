/** Answers for the service while it is away, with the page as this browser has it. */

declare const FILES: string[];
declare const VERSION: string;

interface Happening extends Event {
  readonly request: Request;
  waitUntil(done: Promise<unknown>): void;
  respondWith(answer: Promise<Response>): void;
}

const NAME = `tickmesh ${VERSION}`;
const TOKEN = /(<meta name="mesh-token" content=")[^"]*/;

/** Its token is of use only for a while, and none of a disk's business: a page without one asks for another. */
async function keepDocument(cache: Cache): Promise<void> {
  const answer = await fetch("./");
  if (!answer.ok) throw new Error(`the page is not there: status ${answer.status}`);
  await cache.put("./", new Response((await answer.text()).replace(TOKEN, "$1"), { headers: answer.headers }));
}

async function install(): Promise<void> {
  const cache = await caches.open(NAME);
  await Promise.all([keepDocument(cache), cache.addAll(FILES)]);
}

async function forgetOlder(): Promise<void> {
  const older = (await caches.keys()).filter((name) => name.startsWith("tickmesh ") && name !== NAME);
  await Promise.all(older.map((name) => caches.delete(name)));
}

async function kept(request: Request): Promise<Response> {
  return await caches.match(request, { ignoreSearch: true, ignoreVary: true }) ?? Response.error();
}

self.addEventListener("install", (event) => (event as Happening).waitUntil(install()));
self.addEventListener("activate", (event) => (event as Happening).waitUntil(forgetOlder()));
self.addEventListener("fetch", (event) => {
  const { request } = event as Happening;
  // What scripts fetch has no destination: who asks for data must know that there is none.
  if (request.method !== "GET" || !request.destination || new URL(request.url).origin !== location.origin) return;
  (event as Happening).respondWith(fetch(request).catch(() => kept(request)));
});
