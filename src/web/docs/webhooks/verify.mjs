// A webhook endpoint that verifies what it gets. Node.js 18 or later, nothing to install.
//
//     WEBHOOK_SECRET=whsec_... node verify.mjs 8000

import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const TOLERANCE_SECONDS = 5 * 60;
const BODY_BYTES_MOST = 1024 * 1024;

/** The message is not from the gateway, was changed on its way, or is old. */
export class Unverified extends Error {}

/** Gives the event. `body` is a Buffer of the bytes as they came, before any parser saw them. */
export function verify(secret, headers, body) {
  const id = headers["webhook-id"] ?? "";
  const timestamp = headers["webhook-timestamp"] ?? "";
  if (id === "" || !/^[0-9]+$/.test(timestamp)) throw new Unverified("headers are missing");
  // An old message that is sent again is refused, whoever sends it.
  if (Math.abs(Date.now() / 1000 - Number(timestamp)) > TOLERANCE_SECONDS) {
    throw new Unverified("the timestamp is too far from now");
  }
  if (!secret.startsWith("whsec_")) throw new TypeError("a secret begins with whsec_");
  const key = Buffer.from(secret.slice("whsec_".length), "base64");
  const expected = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest();
  // During a rotation there are two signatures, and one of them is of the secret known here.
  for (const signature of (headers["webhook-signature"] ?? "").split(" ")) {
    const [version, value = ""] = signature.split(",");
    const given = Buffer.from(value, "base64");
    // Not ===, whose time would tell how much of a guess is right; timingSafeEqual wants equal lengths.
    if (version === "v1" && given.length === expected.length && timingSafeEqual(given, expected)) {
      return JSON.parse(body.toString("utf8"));
    }
  }
  throw new Unverified("no signature fits");
}

const server = createServer(async (request, response) => {
  const answer = (status) => response.writeHead(status).end();
  try {
    const chunks = [];
    let size = 0;
    for await (const chunk of request) {
      size += chunk.length;
      if (size > BODY_BYTES_MOST) return answer(413);
      chunks.push(chunk);
    }
    const event = verify(process.env.WEBHOOK_SECRET, request.headers, Buffer.concat(chunks));
    // Put it into a queue here, and leave out ids that were seen before: a message may come twice.
    console.log(request.headers["webhook-id"], event.type, event.sequence);
    answer(204);
  } catch (error) {
    answer(error instanceof Unverified ? 401 : 500);
  }
});
server.listen(Number(process.argv[2]), "127.0.0.1");
