"""Topping up, as payers meet it."""

from tests.paying import Town


async def test_x(paying: Town) -> None:
    anna = await paying.newcomer("letai")
    paid = await anna.paid(token=await paying.card())
    assert paid["status"] == "COMPLETED"
    assert await anna.balance() == 15700
