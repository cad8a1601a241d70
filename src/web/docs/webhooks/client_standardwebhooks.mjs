// The same with the published client: npm install standardwebhooks
//
//     WEBHOOK_SECRET=whsec_... node client_standardwebhooks.mjs ID TIMESTAMP SIGNATURE <body

import { readFileSync } from "node:fs";
import { Webhook } from "standardwebhooks";

const [id, timestamp, signature] = process.argv.slice(2);
const headers = {
  "webhook-id": id,
  "webhook-timestamp": timestamp,
  "webhook-signature": signature,
};
// Give it the bytes as they came; it throws WebhookVerificationError.
const event = new Webhook(process.env.WEBHOOK_SECRET).verify(readFileSync(0), headers);
console.log("verified", event.type);
