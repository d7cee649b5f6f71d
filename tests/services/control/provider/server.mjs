// An OpenID Connect provider for tests: panva's, whose clock can be wrong, whose keys can be
// changed while it runs, and which can be made to sign what no provider should.
//
// One argument: the address to listen at. Commands come as lines of JSON on standard input, each
// answered by a line on standard output; the first line is the issuer. It ends with its input.
// It is whatever the last `reset` says: {client, users, inIdToken, signs}.

import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { exportJWK, exportSPKI, generateKeyPair, SignJWT, decodeJwt } from "jose";
import Provider from "oidc-provider";

const host = process.argv[2];
const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);
console.log = console.info = console.warn = console.error;  // the provider has things to say, too
const realNow = Date.now;
let skewMs = 0;
Date.now = () => realNow() + skewMs;

let client, users, inIdToken, signs;
let keys, kid = 0, forged = null, answer;

async function newKeys() {
  keys = await generateKeyPair(signs, { extractable: true });
  kid += 1;
}

/** A provider with the keys of now; what the ones before it issued it remembers. */
async function serve(issuer) {
  const jwk = { ...(await exportJWK(keys.privateKey)), kid: `key-${kid}`, alg: signs, use: "sig" };
  const provider = new Provider(issuer, {
    clients: [{ id_token_signed_response_alg: signs, ...client }],
    jwks: { keys: [jwk] },
    cookies: { keys: ["of the tests"] },
    claims: { openid: ["sub"], profile: ["preferred_username", "name"], groups: ["groups"] },
    scopes: ["openid", "profile", "groups"],
    conformIdTokenClaims: !inIdToken,
    pkce: { required: () => true },
    findAccount: (_, id) => (id in users ? { accountId: id, claims: () => ({ sub: id, ...users[id] }) } : undefined),
    ttl: { AccessToken: 600, AuthorizationCode: 60, Grant: 600, IdToken: 600, Interaction: 86400, Session: 86400 },
  });
  provider.use(async (context, next) => {
    await next();
    if (forged && context.body?.id_token) context.body.id_token = await forge(context.body.id_token);
  });
  answer = provider.callback();
}

/** A token like a genuine one but for the claims and the algorithm that were asked for. */
async function forge(genuine) {
  const claims = { ...decodeJwt(genuine), ...forged.claims };
  const header = { alg: forged.alg ?? signs, kid: `key-${kid}` };
  if (header.alg === signs) return new SignJWT(claims).setProtectedHeader(header).sign(keys.privateKey);
  const text = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
  if (header.alg === "none") return `${text}.`;
  // Everybody knows the public key: a reader that takes it for the secret of an HMAC accepts this.
  return `${text}.${createHmac("sha256", await exportSPKI(keys.publicKey)).update(text).digest("base64url")}`;
}

const commands = {
  reset: async (how) => {
    ({ client, users, inIdToken, signs } = how);
    [skewMs, forged] = [0, null];
    await newKeys();
  },
  rotate: newKeys,
  skew: ({ seconds }) => { skewMs = seconds * 1000; },
  forge: (how) => { forged = how; },
};

const server = createServer((request, response) => answer(request, response));
server.listen(0, host, async () => {
  const issuer = `http://${host}:${server.address().port}`;
  say(issuer);
  for await (const line of createInterface({ input: process.stdin })) {
    const { name, ...rest } = JSON.parse(line);
    await commands[name](rest);
    await serve(issuer);
    say(null);
  }
  process.exit(0);
});
