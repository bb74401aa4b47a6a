"""Connect in six steps, the first start, and taking up what was left: by keys alone."""

from dataclasses import replace

import pytest
from fake_hub import FORMS, WEBHOOK, FakeHub
from showing import BOTH, Shown, shown

from perkstar_tui.hub import views as v
from perkstar_tui.model.errors import ErrorKind, PerkstarError

MAILCHIMP = ("a", "slash", '"mailc', "enter", "enter")
KEPT = (*MAILCHIMP, '"abc', "enter")


def step(screen: Shown) -> int:
    return int(screen.app.screen.step)  # type: ignore[attr-defined]


@BOTH
async def test_all_six_steps_by_keys_end_in_an_active_integration_that_syncs(size):
    async with shown(size=size) as screen:
        await screen.press(*MAILCHIMP)
        assert "[2 Authorise]" in screen.text()
        assert "Read and change the audience's contacts" in screen.text()
        await screen.press('"abc', "enter")
        assert screen.hub.asked("connect") == [(("mailchimp", {"api_key": "abc"}), {"activate": False})]
        assert "[3 Configure]" in screen.text() and "knows it as Bean & Leaf" in screen.text()
        await screen.press("right")
        assert "[4 Map]" in screen.text() and "given_name" in screen.text()
        await screen.press("right")
        assert "[5 Test]" in screen.text()
        assert "The connection works." in screen.text() and "18 created" in screen.text()
        assert not screen.hub.asked("sync") and not screen.hub.asked("activate")
        await screen.press("right")
        assert "[6 Activate]" in screen.text()
        await screen.press("enter")
        assert screen.hub.asked("activate") and screen.hub.asked("sync")
        assert screen.screen == "MainScreen"
        assert "Mailchimp 2" in screen.text()


@BOTH
async def test_left_at_any_step_it_is_kept_and_taken_up_again(size):
    async with shown(size=size) as screen:
        await screen.press(*KEPT, "right", "escape")
        assert screen.screen == "MainScreen"
        assert "kept as a draft" in screen.said()[-1]
        assert not screen.hub.asked("activate")
        await screen.press("a", "slash", '"mailc', "enter")
        assert "a draft is kept" in screen.text()
        await screen.press("enter")
        assert "[3 Configure]" in screen.text() and "Taken up where it was left" in screen.text()
        assert len(screen.hub.asked("connect")) == 1


async def test_a_refused_credential_keeps_nothing_and_stays_in_its_field():
    async with shown() as screen:
        await screen.press(*MAILCHIMP, '"wrong', "enter")
        assert "Mailchimp does not accept this credential." in screen.text()
        assert step(screen) == 2
        assert len(screen.hub.views) == 5


async def test_a_field_that_may_stay_empty_is_not_insisted_on(monkeypatch):
    (form,) = FORMS["mailchimp"]
    more = v.AuthField("property_id", "Property ID", False, "Only for counting.", optional=True)
    monkeypatch.setitem(FORMS, "mailchimp", (replace(form, fields=(*form.fields, more)),))
    async with shown() as screen:
        await screen.press(*MAILCHIMP)
        assert "may stay empty" in screen.text()
        await screen.press("tab", "enter")
        assert "This field is still empty." in screen.text()
        await screen.press('"abc', "enter", "enter")
        given = {"api_key": "abc"}
        assert screen.hub.asked("connect") == [(("mailchimp", given), {"activate": False})]


@BOTH
async def test_a_field_that_is_made_may_stay_empty_and_one_that_is_needed_may_not(size):
    hub = FakeHub()
    hub.items.append(WEBHOOK)
    async with shown(hub, size) as screen:
        await screen.press("a", "slash", '"webho', "enter", "enter")
        address, secret = (
            line for line in screen.text().splitlines() if "Address" in line or "Secret" in line
        )
        assert "may stay empty" in secret and "may stay empty" not in address
        await screen.press("enter", "enter")
        assert "This field is still empty." in screen.text() and not hub.asked("connect")
        await screen.press('"https', "enter", "enter")
        assert hub.asked("connect") == [(("webhook", {"url": "https"}), {"activate": False})]


async def test_secrets_are_not_shown_while_typed():
    async with shown() as screen:
        await screen.press(*MAILCHIMP, '"supersecret')
        assert "supersecret" not in screen.text()


async def test_a_planned_platform_says_so_and_goes_nowhere():
    async with shown() as screen:
        await screen.press("a", "slash", '"klav', "enter", "enter")
        assert "planned and not available yet" in screen.said()[-1]
        assert step(screen) == 1


async def test_question_mark_tells_of_the_platform_before_it_is_chosen():
    async with shown() as screen:
        await screen.press("a", "down", "question_mark")
        assert "Permissions it needs" in screen.text()
        await screen.press("escape")
        assert screen.screen == "ConnectScreen"


@BOTH
async def test_the_one_account_key_is_offered_before_the_own_app(size):
    async with shown(size=size) as screen:
        await screen.press("a", "slash", '"hubs', "enter", "enter")
        text = screen.text()
        assert text.index("A service key") < text.index("Your own app (OAuth)")


async def _to_link(screen: Shown) -> None:
    await screen.press(
        "a", "slash", '"hubs', "enter", "enter", "down", "enter", '"id', "tab", '"secret', "enter"
    )


@BOTH
async def test_the_link_is_shown_copied_and_shown_alone(size):
    async with shown(size=size) as screen:
        await _to_link(screen)
        assert screen.hub.asked("authorize_link")[0][0][2] == {"client_id": "id", "client_secret": "secret"}
        assert "app.hubspot.example/oauth/authorize" in screen.text()
        await screen.press("c")
        assert screen.app.clip and screen.app.clip.text.endswith("code_challenge_method=S256")
        await screen.press("v")
        assert screen.screen == "TextScreen"


async def test_the_answer_caught_on_loopback_goes_on_by_itself():
    async with shown() as screen:
        await _to_link(screen)
        screen.hub.answered = {"access_token": "a", "refresh_token": "b"}
        await screen.until(lambda: step(screen) == 3, "it did not go on")
        await screen.settle()
        assert screen.hub.asked("connect")[0][0][1] == {"access_token": "a", "refresh_token": "b"}


@BOTH
async def test_the_final_address_is_pasted_where_nothing_can_be_caught(size):
    async with shown(size=size) as screen:
        await _to_link(screen)
        await screen.press("down", "down", "enter", '"nonsense', "enter")
        assert "This address holds no code." in screen.text()
        await screen.press('"?code=1', "enter")
        assert step(screen) == 3


async def test_escape_goes_back_part_by_part():
    async with shown() as screen:
        await _to_link(screen)
        await screen.press("escape")
        assert "App id" in screen.text()
        await screen.press("escape")
        assert "How should HubSpot be authorised?" in screen.text()
        await screen.press("escape")
        assert step(screen) == 1
        await screen.press("escape")
        assert screen.screen == "MainScreen"


@pytest.mark.parametrize("back", ["escape", "left"])
async def test_the_title_forgets_a_platform_that_was_not_taken(back):
    async with shown() as screen:
        await screen.press("a", "slash", '"hubs', "enter", "enter")
        assert "Connect HubSpot" in screen.text().splitlines()[0]
        await screen.press(back)
        assert step(screen) == 1
        assert "Connect a platform" in screen.text().splitlines()[0]


async def test_an_endpoint_says_at_the_end_where_its_secret_is():
    hub = FakeHub()
    hub.items.append(WEBHOOK)
    async with shown(hub) as screen:
        await screen.press("a", "slash", '"webho', "enter", "enter", '"https', "enter", "enter")
        await screen.press("right", "right", "right")
        assert "tab 7 (Deliveries): C copies it" in screen.text()
        await screen.press("enter")
        assert "tab 7 (Deliveries): C copies it" in screen.said()[-1]


async def test_a_full_plan_leaves_a_draft_and_names_the_ways_out():
    hub = FakeHub()
    hub.allowed = 5
    async with shown(hub) as screen:
        await screen.press(*KEPT, "right", "right", "right", "enter")
        assert "The plan is full" in screen.text()
        assert "Disconnect HubSpot" in screen.text() and "Move to the Business plan" in screen.text()
        await screen.press("enter")
        assert "Type HubSpot to disconnect" in screen.text()
        await screen.press('"HubSpot', "enter")
        assert [view.status for view in hub.views if view.name == "HubSpot"] == ["disconnected"]
        await screen.press("enter")
        assert screen.screen == "MainScreen"
        assert "Mailchimp 2" in screen.text()


async def test_a_draft_can_be_thrown_away():
    async with shown() as screen:
        await screen.press(*KEPT, "right", "right", "right", "G", "enter")
        assert screen.hub.asked("drop_draft")
        assert len(screen.hub.views) == 5


async def test_a_failing_test_says_what_mends_it_and_rehearses_nothing():
    hub = FakeHub()
    hub.fail["preview"] = PerkstarError(ErrorKind.NETWORK, "No answer came.", remedy="Check the line.")
    async with shown(hub) as screen:
        await screen.press(*KEPT, "right", "right")
        assert "No answer came. Check the line." in screen.text()


async def test_settings_and_mapping_can_be_changed_before_it_is_active():
    async with shown() as screen:
        await screen.press(*KEPT, "down", "down", "down", "down", "down", "enter", "G", "enter")
        assert screen.hub.asked("edit")[-1][0][1] == {"frequency": "manual"}
        await screen.press("right", "down", "minus")
        assert len(screen.hub.asked("set_mapping")[-1][0][1]) == 6


async def test_connecting_is_refused_when_read_only():
    async with shown(read_only=True) as screen:
        await screen.press("a")
        assert screen.screen == "MainScreen"
        await screen.press("4", "right", "enter")
        assert screen.screen == "MainScreen" and "read-only" in screen.said()[-1]


# -- the first start


@BOTH
async def test_the_first_start_shows_three_ways_on(size):
    async with shown(FakeHub(new=True), size) as screen:
        for way in ("Try the demo", "Connect a Perkstar account", "Work locally"):
            assert way in screen.text()
        await screen.press("escape", "escape")
        assert screen.screen == "FirstScreen"


async def test_the_demo_is_handed_to_whoever_opened_the_screen():
    async with shown(FakeHub(new=True)) as screen:
        await screen.pilot.press("enter")
        await screen.pilot.pause()
        assert screen.app.return_value == "demo"


@pytest.mark.parametrize(("way", "act"), [("down", "attach_cloud"), ("G", "attach_local")])
async def test_an_account_leads_on_to_the_main_screen(way, act):
    hub = FakeHub([], new=True)
    async with shown(hub) as screen:
        await screen.press(way, "enter", '"Bean', "enter")
        assert hub.asked(act) == [(("Bean",), {})]
        assert screen.screen == "MainScreen"
        assert "a connects the first platform" in screen.text()
        await screen.until(lambda: bool(hub.asked("start_runner")), "no runner")


async def test_a_wrong_key_is_told_and_can_be_given_again():
    async with shown(FakeHub(new=True)) as screen:
        await screen.press("down", "enter", '"wrong', "enter")
        assert "Perkstar does not accept this credential." in screen.text()
        await screen.press("escape")
        assert screen.screen == "FirstScreen" and "Try the demo" in screen.text()
