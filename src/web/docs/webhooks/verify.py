"""A webhook endpoint that verifies what it gets. Python 3.8 or later, nothing to install.

    WEBHOOK_SECRET=whsec_... python3 verify.py 8000
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOLERANCE_SECONDS = 5 * 60
BODY_BYTES_MOST = 1024 * 1024


class Unverified(Exception):
    """The message is not from the gateway, was changed on its way, or is old."""


def verify(secret, headers, body):
    """Gives the event. `body` is the bytes as they came, before any parser saw them."""
    message_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    if not message_id or not (timestamp.isascii() and timestamp.isdigit()):
        raise Unverified("headers are missing")
    # An old message that is sent again is refused, whoever sends it.
    if abs(time.time() - int(timestamp)) > TOLERANCE_SECONDS:
        raise Unverified("the timestamp is too far from now")
    if not secret.startswith("whsec_"):
        raise ValueError("a secret begins with whsec_")
    key = base64.b64decode(secret[len("whsec_") :], validate=True)
    signed = message_id.encode() + b"." + timestamp.encode() + b"." + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
    # During a rotation there are two signatures, and one of them is of the secret known here.
    for signature in headers.get("webhook-signature", "").split(" "):
        version, _, value = signature.partition(",")
        # Not ==, whose time would tell how much of a guess is right.
        if version == "v1" and hmac.compare_digest(value.encode(), expected):
            return json.loads(body)
    raise Unverified("no signature fits")


class Endpoint(BaseHTTPRequestHandler):
    def do_POST(self):
        size = int(self.headers.get("content-length", 0))
        if size > BODY_BYTES_MOST:
            self.send_error(413)
            return
        body = self.rfile.read(size)
        try:
            event = verify(os.environ["WEBHOOK_SECRET"], self.headers, body)
        except Unverified as why:
            self.send_error(401, str(why))
            return
        # Put it into a queue here, and leave out ids that were seen before: a message may come twice.
        print(self.headers["webhook-id"], event["type"], event.get("sequence"), flush=True)
        self.send_response(204)
        self.end_headers()


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Endpoint).serve_forever()
