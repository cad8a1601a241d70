"""A mail server for tests: takes e-mails as its settings say and writes each as a line of JSON."""

import asyncio
import json
import ssl
import sys
from email import message_from_bytes, policy

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

settings = json.loads(sys.argv[1])


def mode():
    with open(settings["mode"]) as file:
        return file.read().strip()


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        answer = {"busy": "451 4.7.1 come again later", "unknown": "550 5.1.1 no such mailbox"}.get(mode())
        self.note({"rcpt": address, "answer": answer})
        if answer:
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if mode() == "mute":
            await asyncio.sleep(3600)
        message = message_from_bytes(envelope.content, policy=policy.default)
        part = lambda kind: message.get_body((kind,)).get_content()
        self.note({
            "mail_from": envelope.mail_from,
            "rcpt_tos": envelope.rcpt_tos,
            "tls": session.ssl is not None or settings["implicit"],
            "login": session.auth_data.login.decode() if session.auth_data else None,
            "headers": [[name, str(value)] for name, value in message.items()],
            "text": part("plain"),
            "html": part("html"),
            "raw": envelope.content.decode("latin-1"),
        })
        if mode() == "forgetful":
            # It has the message and never says so.
            await asyncio.sleep(3600)
        return "250 OK"

    def note(self, what):
        with open(settings["mails"], "a") as file:
            file.write(json.dumps(what) + "\n")


def authenticator(server, session, envelope, mechanism, data):
    ok = isinstance(data, LoginPassword) and [data.login.decode(), data.password.decode()] == settings["login"]
    return AuthResult(success=ok, handled=False, auth_data=data if ok else None)


async def main():
    context = None
    if settings["certificate"]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*settings["certificate"])
    implicit = settings["implicit"]
    login = settings["login"]

    def connection():
        return SMTP(
            Handler(),
            hostname="mx.test",
            tls_context=None if implicit else context,
            require_starttls=bool(context) and not implicit,
            authenticator=authenticator if login else None,
            auth_required=bool(login),
            auth_require_tls=bool(login) and not implicit and bool(context),
        )

    loop = asyncio.get_running_loop()
    server = await loop.create_server(connection, "127.0.0.1", settings["port"], ssl=context if implicit else None)
    await server.serve_forever()


asyncio.run(main())
