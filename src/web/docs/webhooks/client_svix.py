"""The same with Svix' client, which takes Standard Webhooks' headers too: pip install svix

    WEBHOOK_SECRET=whsec_... python3 client_svix.py ID TIMESTAMP SIGNATURE <body
"""

import json
import os
import sys

from svix.webhooks import Webhook

message_id, timestamp, signature = sys.argv[1:]
headers = {
    "webhook-id": message_id,
    "webhook-timestamp": timestamp,
    "webhook-signature": signature,
}
body = sys.stdin.buffer.read()
# It raises WebhookVerificationError; since version 2 it leaves the parsing to you.
Webhook(os.environ["WEBHOOK_SECRET"]).verify(body, headers)
print("verified", json.loads(body)["type"])
