"""Each channel has a gateway of its own."""

from collections.abc import Mapping

from gateways.messages import Message, MessageGateway, Sent
from models import watch


class RoutedGateway:
    """Sends a message through its channel's gateway, and through `otherwise` where the channel has none."""

    def __init__(self, gateways: Mapping[str, MessageGateway], otherwise: MessageGateway) -> None:
        self._gateways = gateways
        self._otherwise = otherwise

    async def send(self, message: Message) -> Sent:
        with watch.span("gateway messages", {"gateway.channel": message.channel}):
            return await self._gateways.get(message.channel, self._otherwise).send(message)
