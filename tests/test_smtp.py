"""E-mail, against a mail server of aiosmtpd's and a certificate of the test's own."""

import ssl
from collections.abc import Callable, Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from domain.challenge import DeliveryStatus
from gateways.accounts import SmtpAccount
from gateways.messages import GatewayUnavailable, Message, MessageRefused
from gateways.smtp import SmtpGateway
from tests.conftest import free_port

SUBJECT = "Летай: подтвердите почту — җәһүд"
TEXT = "Чтобы подтвердить почту, откройте ссылку.\nОна действует 168 часов. 🙂"
LINK = "https://lk.example.ru/confirm?token=0123456789abcdef"


def message(to: str = "somebody@example.ru", subject: str | None = SUBJECT) -> Message:
    return Message(
        operator="letai", channel="EMAIL", reference="0f" * 16, to=to, text=TEXT, code=None, subject=subject, link=LINK
    )


class Postbox:
    """What the server does with each message: it keeps it, or answers as it is told to."""

    def __init__(self) -> None:
        self.received: list[EmailMessage] = []
        self.encrypted: list[bool] = []
        self.recipient_answer = "250 OK"
        self.data_answer = "250 OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd calls it so
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.recipient_answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.recipient_answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.data_answer.startswith("250"):
            assert isinstance(envelope.content, bytes)
            received = message_from_bytes(envelope.content, policy=default)
            assert isinstance(received, EmailMessage)
            self.received.append(received)
            self.encrypted.append(session.ssl is not None)
        return self.data_answer


@pytest.fixture
def postbox() -> Postbox:
    return Postbox()


@pytest.fixture
def serve(postbox: Postbox, certificate: Path) -> Iterator[Callable[..., SmtpAccount]]:
    """Starts a mail server, with STARTTLS unless `tls` is false; gives the account at it."""
    started: list[Controller] = []

    def start(*, tls: bool = True, password: str = "s3cret") -> SmtpAccount:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
        controller = Controller(
            postbox,
            hostname="127.0.0.1",
            port=free_port(),
            tls_context=context if tls else None,
            require_starttls=tls,
            authenticator=_authenticate,
            auth_required=tls,
        )
        controller.start()
        started.append(controller)
        return SmtpAccount.from_url(f"smtp://hearth:{password}@127.0.0.1:{controller.port}?from=noreply@example.ru")

    yield start
    for controller in started:
        controller.stop()


def _authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: object) -> AuthResult:
    known = isinstance(given, LoginPassword) and given.login == b"hearth" and given.password == b"s3cret"
    return AuthResult(success=known, handled=False)


async def test_email_arrives_encrypted_with_its_words_and_its_link(
    serve: Callable[..., SmtpAccount], postbox: Postbox, certificate: Path
) -> None:
    sent = await SmtpGateway(serve(), certificate).send(message())
    assert sent.delivery == DeliveryStatus.SENT
    [received] = postbox.received
    assert postbox.encrypted == [True]
    assert received["Subject"] == SUBJECT
    assert (received["From"], received["To"]) == ("noreply@example.ru", "somebody@example.ru")
    assert received["Message-ID"] == sent.gateway_id == f"<{'0f' * 16}@example.ru>"
    assert received["Date"].datetime
    assert received.get_content_type() == "text/plain"
    assert received.get_content().replace("\r\n", "\n") == f"{TEXT}\n\n{LINK}\n"


async def test_server_without_starttls_gets_neither_password_nor_message(
    serve: Callable[..., SmtpAccount], postbox: Postbox, certificate: Path
) -> None:
    with pytest.raises(GatewayUnavailable, match="does not offer STARTTLS"):
        await SmtpGateway(serve(tls=False), certificate).send(message())
    assert postbox.received == []


async def test_certificate_that_nobody_vouches_for_is_not_trusted(
    serve: Callable[..., SmtpAccount], postbox: Postbox
) -> None:
    with pytest.raises(GatewayUnavailable, match="certificate is not trusted"):
        await SmtpGateway(serve()).send(message())
    assert postbox.received == []


async def test_wrong_password_is_told_and_the_message_is_kept(
    serve: Callable[..., SmtpAccount], certificate: Path
) -> None:
    with pytest.raises(GatewayUnavailable, match=r"refuses the user or the password \(535\)") as refusal:
        await SmtpGateway(serve(password="wrong"), certificate).send(message())
    assert "wrong" not in str(refusal.value)


@pytest.mark.parametrize("answer", ["550 no such user: somebody@example.ru", "553 not here"])
async def test_recipient_that_the_server_does_not_know_is_refused(
    serve: Callable[..., SmtpAccount], postbox: Postbox, certificate: Path, answer: str
) -> None:
    postbox.recipient_answer = answer
    with pytest.raises(MessageRefused) as refusal:
        await SmtpGateway(serve(), certificate).send(message())
    assert str(refusal.value) == f"the mail server answers {answer[:3]}"


async def test_text_that_the_server_does_not_take_is_refused(
    serve: Callable[..., SmtpAccount], postbox: Postbox, certificate: Path
) -> None:
    postbox.data_answer = "554 this is no letter"
    with pytest.raises(MessageRefused, match="answers 554"):
        await SmtpGateway(serve(), certificate).send(message())


@pytest.mark.parametrize("attribute", ["recipient_answer", "data_answer"])
async def test_server_that_asks_to_come_again_is_asked_again(
    serve: Callable[..., SmtpAccount], postbox: Postbox, certificate: Path, attribute: str
) -> None:
    setattr(postbox, attribute, "451 later")
    with pytest.raises(GatewayUnavailable, match="answers 451"):
        await SmtpGateway(serve(), certificate).send(message())


async def test_server_that_is_not_there_is_named_as_the_reason() -> None:
    account = SmtpAccount.from_url(f"smtp://127.0.0.1:{free_port()}?from=noreply@example.ru")
    with pytest.raises(GatewayUnavailable, match="cannot be used: SMTPConnectError"):
        await SmtpGateway(account).send(message())


@pytest.mark.parametrize(
    "to",
    [
        "nobody",
        "a@example.ru, b@example.ru",
        "a@example.ru\r\nBcc: b@example.ru",
        "<a@example.ru>",
        "",
        "a@",
        "@b.ru",
        "a@b",
        "a@b.ru\n",
        "a b@c.ru",
    ],
)
async def test_recipient_that_is_not_one_address_is_refused(to: str) -> None:
    account = SmtpAccount.from_url("smtp://127.0.0.1:1?from=noreply@example.ru")
    with pytest.raises(MessageRefused, match="no e-mail address"):
        await SmtpGateway(account).send(message(to))


async def test_subject_cannot_add_a_header() -> None:
    account = SmtpAccount.from_url("smtp://127.0.0.1:1?from=noreply@example.ru")
    with pytest.raises(MessageRefused, match="one line"):
        await SmtpGateway(account).send(message(subject="Hello\r\nBcc: b@example.ru"))
