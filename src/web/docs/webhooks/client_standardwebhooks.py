"""The same with the published client: pip install standardwebhooks

    WEBHOOK_SECRET=whsec_... python3 client_standardwebhooks.py ID TIMESTAMP SIGNATURE <body
"""

import os
import sys

from standardwebhooks.webhooks import Webhook

message_id, timestamp, signature = sys.argv[1:]
headers = {
    "webhook-id": message_id,
    "webhook-timestamp": timestamp,
    "webhook-signature": signature,
}
# Give it the bytes as they came; it raises WebhookVerificationError.
event = Webhook(os.environ["WEBHOOK_SECRET"]).verify(sys.stdin.buffer.read(), headers)
print("verified", event["type"])
