"""The queue by its keys: one item at a time, both sides, a key a choice, many at once, always, and undone."""

from fake_hub import FakeHub
from showing import BOTH, shown

from perkstar_tui.model.errors import ErrorKind, PerkstarError


def settled(hub: FakeHub) -> list[tuple[str, ...]]:
    return [args for args, _ in hub.asked("settle")]


@BOTH
async def test_one_item_stands_with_both_sides_what_differs_and_its_choices(size):
    async with shown(size=size) as screen:
        await screen.press("Q")
        text = screen.text()
        for words in (
            "1 of 3", "Perkstar 1", "Perkstar 2", "Square · High St", "≠ first_name", "Bob", "a.lee@example.com",
            "2 customers in Perkstar have this phone", "1 It is Ann Lee", "3 Somebody else", "4 Leave out",
            "3 like this: & takes all",
        ):  # fmt: skip
            assert words in text, words
        assert "≠ phone" not in text and "take left" not in text


async def test_a_digit_takes_a_choice_the_next_item_follows_and_z_brings_it_back():
    async with shown() as screen:
        await screen.press("Q", "2")
        assert settled(screen.hub) == [("held-1", "link:cus_01J1B")]
        assert "1 of 2" in screen.text() and "refused by the platform" in screen.text()
        await screen.press("z")
        assert screen.hub.asked("unsettle") == [(("stl_1",), {})] and "1 of 3" in screen.text()


async def test_arrows_and_enter_take_the_choice_at_the_cursor():
    async with shown() as screen:
        await screen.press("Q", "down", "down", "enter")
        assert settled(screen.hub) == [("held-1", "new")]


async def test_brackets_skip_and_go_round_and_nothing_is_done():
    async with shown() as screen:
        await screen.press("Q", "]", "]")
        assert "3 of 3" in screen.text() and "before: Di" in screen.text()
        await screen.press("]")
        assert "1 of 3" in screen.text()
        await screen.press("[")
        assert "3 of 3" in screen.text() and settled(screen.hub) == []


@BOTH
async def test_a_conflict_is_taken_from_the_left_or_the_right(size):
    async with shown(size=size) as screen:
        await screen.press("Q", "[")
        assert "Diana" in screen.text() and "Dinah" in screen.text() and "take left" in screen.text()
        await screen.press("right")
        assert settled(screen.hub) == [("held-3", "platform")]
        await screen.press("z", "left")
        assert settled(screen.hub)[-1][1] in ("platform", "perkstar")


async def test_an_arrow_takes_nothing_where_there_are_no_two_values():
    async with shown() as screen:
        await screen.press("Q", "left", "right")
        assert settled(screen.hub) == []


async def test_a_refused_value_is_corrected_in_place():
    async with shown() as screen:
        await screen.press("Q", "]", "e")
        assert screen.screen == "TextSheet" and "0123" in screen.text()
        await screen.press('"0124', "enter")
        assert screen.hub.asked("settle") == [(("held-2", "edit"), {"fields": {"phone": "0124"}})]


async def test_all_like_this_says_how_many_before_and_leaves_them_by_default():
    async with shown() as screen:
        await screen.press("Q", "&", "3")
        assert screen.screen == "SettleSheet" and "Settle 3?" in screen.text() and "Way back" in screen.text()
        await screen.press("enter")
        assert settled(screen.hub) == []
        await screen.press("3", "down", "enter")
        assert screen.hub.asked("settle") == [(("held-1", "new"), {"all_like": True, "always": False})]


async def test_a_customer_chosen_for_all_becomes_its_place_among_them():
    async with shown() as screen:
        await screen.press("Q", "&", "1")
        assert screen.hub.asked("plan_settle")[-1][0] == ("held-1", "link:oldest")
        await screen.press("down", "down", "enter")
        assert screen.hub.asked("settle") == [(("held-1", "link:oldest"), {"all_like": True, "always": True})]


async def test_always_asks_which_rule_and_says_what_it_does():
    async with shown() as screen:
        await screen.press("Q", "*")
        assert screen.screen == "ChooseSheet" and "made first" in screen.text()
        await screen.press("down", "enter")
        assert screen.screen == "SettleSheet" and "From now on: always link:newest" in screen.text()
        await screen.press("down", "enter")
        assert screen.hub.asked("settle") == [
            (("held-1", "link:newest"), {"all_like": False, "always": True})
        ]


async def test_selected_ones_are_settled_together_where_they_offer_the_choice():
    async with shown() as screen:
        await screen.press("Q", " ", " ", " ")
        assert "3 selected" in screen.text()
        await screen.press("-")
        assert "2 of the 3 selected" in screen.text()
        await screen.press("down", "enter")
        assert settled(screen.hub) == [("held-1", "leave-out"), ("held-2", "leave-out")]
        await screen.press("z")
        assert len(screen.hub.asked("unsettle")) == 2 and "1 of 3" in screen.text()


async def test_it_is_narrowed_to_a_kind_and_empty_it_says_so():
    async with shown() as screen:
        await screen.press("Q", "f", "down", "down", "enter")
        assert screen.hub.asked("queue")[-1][1]["kind"] == "second"
        assert "Nothing waits for you" in screen.text()
        await screen.press("1", "enter", "*", "&", " ", "e", "r", "left", "-", "]")
        assert settled(screen.hub) == [] and screen.screen == "QueueScreen"


async def test_text_from_outside_is_text_and_what_goes_wrong_is_said():
    async with shown() as screen:

        def no(item_id, take, **how):
            raise PerkstarError(ErrorKind.CONFLICT, "It has changed since.", remedy="Look at it.")

        screen.hub.settle = no
        await screen.press("Q", "]")
        assert "[bold red]Evil[/]" in screen.text()
        await screen.press("1")
        assert any("It has changed since. Look at it." in said for said in screen.said())
        assert "2 of 3" in screen.text()


async def test_read_only_settles_nothing():
    async with shown(read_only=True) as screen:
        await screen.press("Q", "1", "*", "-")
        assert settled(screen.hub) == []


@BOTH
async def test_why_is_asked_of_the_record_at_the_cursor_and_ends_with_the_cause(size):
    async with shown(size=size) as screen:
        await screen.press("down", "down", "enter", "5", ";")
        assert screen.hub.asked("why")[0][0][1] == "int_01JAQ2C5E7G9J1K3M5P7R9477C"
        text = screen.text()
        for words in (
            "Left out by the filter",
            "Change the filter.",
            "✓ Connected",
            "▲ Filters",
            "could not be asked",
        ):
            assert words in text, words


async def test_why_is_in_the_palette_and_asks_for_what_it_is_about():
    async with shown() as screen:
        await screen.press("colon", '"why is my', "down", "enter")
        await screen.until(lambda: screen.screen == "TextSheet", "the palette did not open it")
        await screen.press('"ann', "enter")
        assert screen.hub.asked("why") == [(("ann", None), {})]


async def test_a_record_asks_the_platforms_afresh():
    async with shown() as screen:
        await screen.press("down", "down", "enter", "5", "enter", "t")
        assert screen.hub.asked("record")[-1][1] == {"fresh": True}


async def test_where_no_rule_can_be_made_the_star_says_so_and_the_screen_stays():
    async with shown() as screen:
        await screen.press("Q", "]", "asterisk")
        assert "no rule can be made" in screen.said()[-1] and screen.screen == "QueueScreen"


async def test_what_can_be_undone_stands_in_the_last_line_and_in_the_help():
    async with shown() as screen:
        await screen.press("Q")
        assert "z undo" not in screen.text()
        await screen.press("2")
        assert "z undo" in screen.text()
        await screen.press("question_mark")
        assert "Undo the last change" in screen.text()


async def test_a_filter_stands_in_the_title():
    async with shown() as screen:
        await screen.press("Q", "f", "down", "enter")
        assert "Queue › who is it?" in screen.text()


@BOTH
async def test_what_is_said_leaves_the_choices_and_the_keys_in_sight(size):
    async with shown(size=size, notices=True) as screen:
        await screen.press("Q", "]", "asterisk")
        await screen.until(lambda: "Of this kind no rule can" in screen.text(), "nothing was said")
        text = screen.text()
        assert "1 Try it again" in text and "Correct it here" in text and "? help" in text.splitlines()[-1]


async def test_how_long_an_item_waits_and_what_settled_a_conflict_are_said_once():
    async with shown() as screen:
        await screen.press("Q")
        assert "for 1 h" in screen.text() and "since" not in screen.text()
        await screen.press("[")
        assert screen.text().count("changed on both sides") == 1
