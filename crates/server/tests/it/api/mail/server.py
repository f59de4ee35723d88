"""A mail server by aiosmtpd, which writes down what it gets: one JSON object a line, the first with its port.

Arguments: how the connection is protected ("tls", "starttls" or "none"), the certificate and its key, and the one
account with its password.
"""

import asyncio
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

protection, certificate, key, account, password = sys.argv[1:]


def say(**what):
    print(json.dumps(what), flush=True)


def authenticate(server, session, envelope, mechanism, given):
    login = given.login.decode()
    say(event="auth", mechanism=mechanism, login=login, tls=is_protected(server))
    # One answer to whoever is wrong, as a server gives it.
    return AuthResult(success=(login, given.password.decode()) == (account, password), handled=False)


def is_protected(server):
    return server.transport.get_extra_info("ssl_object") is not None


class Handler:
    async def handle_DATA(self, server, session, envelope):
        say(
            event="message",
            tls=is_protected(server),
            account=bool(session.authenticated),
            to=envelope.rcpt_tos,
            text=envelope.content.decode(),
        )
        return "250 OK"


async def main():
    context = None
    if protection != "none":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
    starttls = protection == "starttls"

    def factory():
        return SMTP(
            Handler(),
            tls_context=context if starttls else None,
            require_starttls=starttls,
            authenticator=authenticate,
            # One without any protection asks for passwords all the same: nobody may be so foolish as to give one. That
            # a connection has been TLS from its first byte is not known to this class.
            auth_require_tls=starttls,
        )

    loop = asyncio.get_running_loop()
    served = context if protection == "tls" else None
    server = await loop.create_server(factory, host="127.0.0.1", port=0, ssl=served)
    say(event="listening", port=server.sockets[0].getsockname()[1])
    await server.serve_forever()


asyncio.run(main())
