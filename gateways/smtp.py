"""E-mail by SMTP, never without TLS, to a mail server that takes messages for others."""

import ssl
from contextlib import suppress
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import formatdate
from pathlib import Path

import aiosmtplib

from domain.challenge import DeliveryStatus
from gateways.accounts import SmtpAccount, is_email
from gateways.messages import GatewayUnavailable, Message, MessageRefused, Sent

# Less than the worker gives a message, so that the reason is known.
_SECONDS = 4.0


class SmtpGateway:
    """Sends each message over a connection of its own.

    The server's certificate is verified, by the system's authorities or by those in the file `authorities`. What the
    mail server calls permanent about the recipient or the text (5xx) is a MessageRefused, and so is a recipient that is
    no address; everything else is a GatewayUnavailable. Bounces, which come later by mail, are not read.
    """

    def __init__(self, account: SmtpAccount, authorities: Path | None = None) -> None:
        self._account = account
        self._tls = ssl.create_default_context(cafile=authorities)
        self._domain = account.sender.rpartition("@")[2]

    async def send(self, message: Message) -> Sent:
        if not is_email(message.to):
            raise MessageRefused("the recipient is no e-mail address")
        email = compose(message, self._account.sender, f"<{message.reference}@{self._domain}>")
        client = self._client()
        try:
            await self._open(client)
            await client.send_message(email, sender=self._account.sender, recipients=[message.to])
            # The message is taken: whatever goes wrong from here on must not send it again.
            with suppress(aiosmtplib.SMTPException, OSError):
                await client.quit()
        except (aiosmtplib.SMTPException, OSError) as error:
            raise _failure(error) from error
        finally:
            client.close()
        return Sent(email["Message-ID"], DeliveryStatus.SENT)

    async def check(self) -> None:
        """Go as far as a message would, and send none. Raises GatewayUnavailable."""
        client = self._client()
        try:
            await self._open(client)
            await client.quit()
        except (aiosmtplib.SMTPException, OSError) as error:
            raise _failure(error) from error
        finally:
            client.close()

    def _client(self) -> aiosmtplib.SMTP:
        return aiosmtplib.SMTP(
            hostname=self._account.host,
            port=self._account.port,
            use_tls=self._account.tls_at_once,
            start_tls=False,  # done below, where its absence is an error with a reason
            tls_context=self._tls,
            timeout=_SECONDS,
            local_hostname=self._domain,
        )

    async def _open(self, client: aiosmtplib.SMTP) -> None:
        await client.connect()
        if not self._account.tls_at_once:
            await client.ehlo()
            if not client.supports_extension("starttls"):
                raise GatewayUnavailable("the mail server does not offer STARTTLS, and nothing is sent without")
            await client.starttls()
        if self._account.user:
            await client.login(self._account.user, self._account.password)


def compose(message: Message, sender: str, message_id: str) -> EmailMessage:
    """The e-mail: plain text, and the link on a line of its own. Raises MessageRefused where a header has a newline."""
    email = EmailMessage(policy=SMTP_POLICY)
    try:
        email["From"] = sender
        email["To"] = message.to
        if message.subject is not None:
            email["Subject"] = message.subject
    except ValueError:
        raise MessageRefused("the subject or the recipient does not fit on one line") from None
    email["Date"] = formatdate()
    email["Message-ID"] = message_id
    # So that no holiday reply comes back.
    email["Auto-Submitted"] = "auto-generated"
    text = message.text if message.link is None else f"{message.text}\n\n{message.link}\n"
    # Base64 passes through every server unharmed, those without 8BITMIME included.
    email.set_content(text, charset="utf-8", cte="base64")
    if (attached := message.attachment) is not None:
        email.add_attachment(attached.content, maintype="application", subtype="pdf", filename=attached.name)
    return email


def _failure(error: Exception) -> Exception:
    """What a mail server's answer means. Its words are left out: they quote the address."""
    match error:
        case aiosmtplib.SMTPRecipientsRefused(recipients=[aiosmtplib.SMTPRecipientRefused(code=code), *_]):
            return _answered(code)
        case aiosmtplib.SMTPDataError(code=code):
            return _answered(code)
        case aiosmtplib.SMTPNotSupported():
            return MessageRefused("the mail server does not take addresses beyond ASCII")
        case aiosmtplib.SMTPAuthenticationError(code=code):
            return GatewayUnavailable(f"the mail server refuses the user or the password ({code})")
        case aiosmtplib.SMTPResponseException(code=code):
            return GatewayUnavailable(f"the mail server answers {code}")
        case _ if isinstance(error, ssl.SSLError) or isinstance(error.__cause__, ssl.SSLError):
            return GatewayUnavailable("the mail server's certificate is not trusted")
        case _:
            return GatewayUnavailable(f"the mail server cannot be used: {type(error).__name__}")


def _answered(code: int) -> MessageRefused | GatewayUnavailable:
    reason = f"the mail server answers {code}"
    return MessageRefused(reason) if 500 <= code < 600 else GatewayUnavailable(reason)
