"""The palette: each act once, a record by what a person has of it, and why data is not there."""

import pytest
from fake_hub import HUBSPOT, SQUARE, FakeHub
from showing import shown

from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.tui.palette import names_a_record

DETAILS = ("down", "down", "enter")


@pytest.mark.parametrize(
    ("typed", "title"),
    [("duplic", "Duplicates"), ("why", "Why is my data not there?"), ("queue", "Queue: what waits for a person"),
     ("alerts", "Alerts and routes")],
)  # fmt: skip
@pytest.mark.parametrize("where", [(), DETAILS], ids=["main", "details"])
async def test_each_act_is_found_once(typed, title, where):
    async with shown() as screen:
        await screen.press(*where, "colon", f'"{typed}')
        await screen.until(lambda: title in screen.text(), "it was never found")
        text = screen.text()
        assert text.count(title.split(":")[0].split(" and")[0]) == 1 and "Why not?" not in text, text


async def test_an_e_mail_address_opens_its_record():
    async with shown() as screen:
        row = screen.hub.rows[0]
        await screen.press("colon", f'"{row.email}')
        await screen.until(lambda: "Open the record of" in screen.text(), "it was never offered")
        await screen.press("enter")
        await screen.until(lambda: screen.screen == "RecordScreen", "it was never opened")
        await screen.settle()
        assert row.email in screen.text()


async def test_what_is_nobodys_is_not_offered_and_nothing_is_complained_of():
    async with shown() as screen:
        await screen.press("colon", '"nobody@example.com')
        await screen.until(lambda: bool(screen.hub.asked("record")), "it was never looked up")
        await screen.settle()
        assert "Open the record" not in screen.text() and screen.said() == []


@pytest.mark.parametrize(
    "text",
    ["a@b.example", "+44 7400 123456", "07400123456", "int_01J9ZK3V", "09753e0b", "09753e0b-aa11-4c22"],
)
def test_these_name_a_record(text):
    assert names_a_record(text)


@pytest.mark.parametrize("text", ["", "pause", "a@", "@b.example", "12", "sync now", "deadbeef hub"])
def test_these_do_not(text):
    assert not names_a_record(text)


class Several(FakeHub):
    """What was typed could be at any of them."""

    def why(self, record=None, name_or_id=None):
        answer = super().why(record, name_or_id)
        if name_or_id is None:
            raise PerkstarError(ErrorKind.AMBIGUOUS, "At which integration?", remedy="Name one of: some.")
        return answer


async def test_where_it_could_be_at_several_integrations_one_is_chosen():
    async with shown(Several()) as screen:
        await screen.press("colon", '"why is')
        await screen.until(lambda: "Why is my data" in screen.text(), "it was never found")
        await screen.press("enter")
        await screen.until(lambda: screen.screen == "TextSheet", "it never asked")
        await screen.press('"nobody@example.com', "enter")
        await screen.until(lambda: screen.screen == "ChooseSheet", "no list was offered")
        assert "At which integration" in screen.text() and "HubSpot" in screen.text()
        await screen.press("G", "enter")
        assert screen.hub.asked("why")[-1] == (("nobody@example.com", HUBSPOT), {})
        assert screen.screen == "ReadingSheet"


async def test_in_details_it_is_looked_for_at_that_integration():
    async with shown(Several()) as screen:
        await screen.press(*DETAILS, "colon", '"why is')
        await screen.until(lambda: "Why is my data" in screen.text(), "it was never found")
        await screen.press("enter")
        await screen.until(lambda: screen.screen == "TextSheet", "it never asked")
        await screen.press('"nobody@example.com', "enter")
        assert screen.hub.asked("why") == [(("nobody@example.com", SQUARE), {})]
