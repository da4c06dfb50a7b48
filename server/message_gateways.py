"""Which gateway takes which message, as the settings say."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from domain.challenge import ChallengeChannel
from gateways.accounts import HttpSmsAccount, SmppAccount
from gateways.http_sms import HttpSmsGateway
from gateways.messages import InboundHandler, MessageGateway, ReceiptHandler, UnconfiguredGateway
from gateways.routed import RoutedGateway
from gateways.simulators.inbox import CopiedGateway, Inbox
from gateways.smpp import SmppGateway
from gateways.smtp import SmtpGateway
from server.settings import Settings


@asynccontextmanager
async def message_gateway(
    settings: Settings, on_receipt: ReceiptHandler, on_inbound: InboundHandler | None = None
) -> AsyncIterator[MessageGateway]:
    """What sends messages, connected for the life of the block.

    A channel without a gateway keeps its messages in production; in development they land in the inbox, which has a
    copy of all others too.
    """
    async with AsyncExitStack() as stack:
        gateways: dict[str, MessageGateway] = {}
        match settings.sms_account:
            case SmppAccount() as account:
                centre = SmppGateway(account, on_receipt, on_inbound)
                gateways[ChallengeChannel.SMS] = await stack.enter_async_context(centre)
            case HttpSmsAccount() as account:
                gateways[ChallengeChannel.SMS] = await stack.enter_async_context(HttpSmsGateway(account))
        if settings.voice_account is not None:
            gateway = HttpSmsGateway(settings.voice_account)
            gateways[ChallengeChannel.VOICE_CALL] = await stack.enter_async_context(gateway)
        if settings.email_account is not None:
            gateways[ChallengeChannel.EMAIL] = SmtpGateway(settings.email_account, settings.email_ca)
        if settings.development:
            inbox = Inbox(settings.data)
            copied = {channel: CopiedGateway(gateway, inbox) for channel, gateway in gateways.items()}
            yield RoutedGateway(copied, inbox)
        else:
            yield RoutedGateway(gateways, UnconfiguredGateway())
