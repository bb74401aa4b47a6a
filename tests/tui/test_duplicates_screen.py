"""Duplicates by their keys: pairs, side by side, merged after a sheet, dismissed, and taken back."""

from fake_hub import HOSTILE, FakeHub
from showing import BOTH, shown

from perkstar_tui.model.errors import ErrorKind, PerkstarError

OPEN = "equals_sign"
A, B = "cus_01J1A", "cus_01J1B"


def states(hub: FakeHub) -> list[str]:
    return [pair.state for pair in hub.pairs]


@BOTH
async def test_the_likeliest_stands_first_with_its_reasons_and_both_sides(size):
    async with shown(size=size) as screen:
        await screen.press(OPEN)
        text = screen.text()
        for words in (
            "Surely one person: first names 95 % alike",
            "≠ email",
            "jane@example.com",
            "j.doe@work.example",
        ):
            assert words in text, words
        assert "≠ last_name" not in text and "3 to be looked at" in text
        assert screen.hub.asked("duplicates")[0][1] == {"state": "open"}


async def test_it_is_reached_from_details_and_from_the_palette():
    async with shown() as screen:
        await screen.press("enter", OPEN)
        assert screen.screen == "DuplicatesScreen"
        await screen.press("escape", "escape", "colon", '"duplic', "down", "enter")
        await screen.until(lambda: screen.screen == "DuplicatesScreen", "the palette did not open it")


@BOTH
async def test_enter_says_what_a_merge_does_and_enter_again_leaves_them(size):
    async with shown(size=size) as screen:
        await screen.press(OPEN, "enter")
        assert screen.screen == "MergeSheet"
        for words in ("1 card and 12 sales move over", "phone", "+447400123456", "Way back",
                      "dropped, of the other: ", "first_name Jayne", "email j.doe@work.example"):  # fmt: skip
            assert words in screen.text(), words
        await screen.press("enter")
        assert states(screen.hub) == ["open"] * 3 and not screen.hub.asked("merge")


async def test_a_merge_is_done_by_choosing_it_and_z_makes_them_two_again():
    async with shown() as screen:
        await screen.press(OPEN, "enter", "down", "enter")
        assert screen.hub.asked("merge") == [((A, B), {"keep": A})]
        assert states(screen.hub)[0] == "merged" and "2 to be looked at" in screen.text()
        await screen.press("z")
        assert screen.hub.asked("unmerge") == [(("mrg_1",), {})]
        assert states(screen.hub) == ["open"] * 3


async def test_the_other_one_can_be_kept():
    async with shown() as screen:
        await screen.press(OPEN, "enter", "down", "down", "enter")
        assert screen.screen == "MergeSheet"
        assert screen.hub.asked("plan_merge")[-1] == ((A, B), {"keep": B})
        await screen.press("down", "enter")
        assert screen.hub.asked("merge") == [((A, B), {"keep": B})]


async def test_a_merged_pair_is_undone_from_its_list():
    async with shown() as screen:
        await screen.press(OPEN, "enter", "down", "enter", "f", "G", "enter")
        assert "1 merged" in screen.text() and "Enter undo the merge" in screen.text()
        await screen.press("enter")
        assert states(screen.hub) == ["open"] * 3


async def test_two_people_leave_the_list_and_come_back():
    async with shown() as screen:
        await screen.press(OPEN, "down", "minus")
        assert states(screen.hub) == ["open", "dismissed", "open"]
        await screen.press("z")
        assert states(screen.hub) == ["open"] * 3


async def test_what_the_sync_holds_is_shown_and_not_merged_here():
    async with shown() as screen:
        await screen.press(OPEN, "G")
        assert "Held by the sync" in screen.text() and "- two people" not in screen.text()
        await screen.press("enter", "minus")
        assert not screen.hub.asked("plan_merge") and not screen.hub.asked("dismiss_duplicate")


async def test_a_refusal_is_said_with_its_remedy_and_nothing_has_changed():
    hub = FakeHub()
    hub.fail["merge"] = PerkstarError(
        ErrorKind.LOCKED, "Memory is just being told.", remedy="Try again later."
    )
    async with shown(hub) as screen:
        await screen.press(OPEN, "enter", "down", "enter")
        assert screen.said()[-1] == "Memory is just being told. Try again later."
        assert states(hub) == ["open"] * 3


async def test_read_only_offers_no_act():
    async with shown(read_only=True) as screen:
        await screen.press(OPEN, "enter", "minus", "asterisk")
        assert states(screen.hub) == ["open"] * 3 and not screen.hub.asked("plan_merge")
        assert not screen.hub.asked("find_duplicates")


async def test_asterisk_looks_through_everybody_again():
    async with shown() as screen:
        await screen.press(OPEN, "asterisk")
        assert screen.said()[-1] == "1,204 customers looked at, 1 new pairs."


async def test_names_from_outside_are_text():
    async with shown() as screen:
        await screen.press(OPEN, "down")
        assert (
            "[bold red]Evil" in screen.text() and "\x1b" not in screen.text() and HOSTILE not in screen.text()
        )


async def test_one_list_alone_has_the_sign_of_the_cursor():
    async with shown() as screen:
        await screen.press(OPEN)
        assert screen.text().count("▸") == 1
