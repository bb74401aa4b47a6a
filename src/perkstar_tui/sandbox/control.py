"""The control address: what a person at a vendor would do, faults, tokens, the clock, and the truth of the seed."""

from .faults import EFFECTS, PROFILES
from .life import Life
from .port import Outlet
from .truth import judge
from .vendor import Setting, Vendor
from .wire import Answer, Call, Refused, Routes, reply
from .world import World

MOST = 1000


class Control:
    """The site at the control port."""

    def __init__(self, setting: Setting, vendors: dict[str, Vendor], world: World, life: Life) -> None:
        self.setting = setting
        self.vendors = vendors
        self.world = world
        self.life = life
        self.routes = Routes()
        self.route()

    def route(self) -> None:
        """Every path of the control address."""
        add = self.routes.add
        add("GET", "/", lambda call: reply({"ok": True, "see": "GET /platforms"}))
        add("GET", "/platforms", self.platforms)
        add("POST", "/clock", self.clock)
        add(
            "GET",
            "/clock",
            lambda call: reply({"now": self.setting.clock.now(), "offset_s": self.setting.clock.offset}),
        )
        add("POST", "/reset", self.reset)
        add("GET", "/life", lambda call: reply(self.life.told()))
        add("POST", "/life", self.set_life)
        add("GET", "/world/people", self.people)
        add("GET", "/world/sales", lambda call: reply(self.world.sales_told()))
        add("GET", "/world/check", lambda call: reply(judge(self.world)))
        add("GET", "/profiles", lambda call: reply({"profiles": PROFILES, "effects": sorted(EFFECTS)}))
        add("GET", "/{p}/records/{kind}", self.records)
        add("POST", "/{p}/records/{kind}:generate", self.generate)
        add("POST", "/{p}/records/{kind}:merge", self.merge)
        add("GET", "/{p}/records/{kind}/{id}", self.get)
        add("PUT", "/{p}/records/{kind}/{id}", self.put)
        add("DELETE", "/{p}/records/{kind}/{id}", self.delete)
        add("PUT", "/{p}/people/{id}", self.rename)
        add("GET", "/{p}/requests", self.requests)
        add("GET", "/{p}/books", lambda call: reply({"journals": self.vendor(call).books()}))
        add(
            "GET",
            "/{p}/deliveries",
            lambda call: reply({"deliveries": self.vendor(call).courier.log[-MOST:]}),
        )
        add(
            "POST",
            "/{p}/webhooks",
            self.listen,
        )
        add(
            "DELETE",
            "/{p}/webhooks",
            lambda call: reply({"deleted": self.vendor(call).control_unlisten()}),
        )
        add("GET", "/{p}/faults", self.get_faults)
        add("POST", "/{p}/faults", self.set_faults)
        add("POST", "/{p}/tokens:expire", lambda call: reply({"expired": self.vendor(call).expire_tokens()}))
        add("POST", "/{p}/tokens:revoke", lambda call: reply({"revoked": self.vendor(call).revoke_tokens()}))
        add("POST", "/{p}/tokens:issue", self.issue)
        add("GET", "/{p}/duplicates/{kind}", self.duplicates)

    # the way in ------------------------------------------------------------------------------------------

    def quick(self, call: Call) -> Answer | None:
        """Everything here is answered at once."""
        found = self.routes.find(call.method, call.path)
        if found is None:
            return refusal(404, f"unknown: {call.method} {call.path}")
        handler, params = found
        call.params = params
        try:
            return handler(call)
        except Refused as refused:
            return refused.answer
        except KeyError as problem:
            return refusal(404, f"unknown: {problem.args[0] if problem.args else call.path}")
        except (ValueError, TypeError, AttributeError) as problem:
            return refusal(400, str(problem))

    async def slow(self, call: Call, outlet: Outlet) -> None:
        """Never asked for, since `quick` always answers."""
        outlet.whole(self.quick(call) or refusal(500, "no answer"))

    def vendor(self, call: Call) -> Vendor:
        """The vendor that a path names."""
        return self.vendors[call.params["p"]]

    def kind(self, call: Call) -> str:
        """The kind that a path names."""
        kind = call.params["kind"]
        if kind not in self.vendor(call).kinds:
            raise KeyError(kind)
        return kind

    # everything together -----------------------------------------------------------------------------------

    def platforms(self, call: Call) -> Answer:
        """Who plays, with what kinds, how many records and how many requests."""
        return reply({
            "platforms": {
                name: {
                    "url": vendor.url, "kinds": list(vendor.kinds), "people": vendor.people_kind,
                    "counts": {kind: vendor.kind(kind).count() for kind in vendor.kinds},
                    "faults": vendor.faults.profile, "requests": vendor.heard, "bugs": vendor.bugs[-20:],
                }
                for name, vendor in self.vendors.items()
            },
            "seed": self.setting.seed, "customers": self.world.customers,
        })  # fmt: skip

    def clock(self, call: Call) -> Answer:
        """Let time jump forward."""
        seconds = float(call.json()["advance_s"])
        if seconds < 0:
            raise ValueError("time goes forward only")
        self.setting.clock.advance(seconds)
        return reply({"now": self.setting.clock.now(), "offset_s": self.setting.clock.offset})

    def reset(self, call: Call) -> Answer:
        """Everything as it was at the start, with the same credentials."""
        self.life.stop()
        self.setting.clock.offset = 0.0
        for vendor in self.vendors.values():
            vendor.again()
        self.world.fill()
        return reply({"ok": True})

    def set_life(self, call: Call) -> Answer:
        """Let the shop live, or stand still."""
        given = call.json()
        self.life.switch(
            bool(given.get("on", True)), float(given.get("pace_s", 3)), bool(given.get("trouble", True))
        )
        return reply(self.life.told())

    def people(self, call: Call) -> Answer:
        """The truth of the seed."""
        limit, offset = call.number("limit", 0), call.number("offset", 0)
        found = list(self.world.people())
        page = found[offset : offset + limit] if limit else found[offset:]
        return reply({"people": page, "total": len(found)})

    def issue(self, call: Call) -> Answer:
        """New first credentials, in the form of the sandbox's first line."""
        vendor = self.vendor(call)
        vendor.renew()
        return reply({name: value for name, value in vendor.credentials().items() if name != "alternatives"})

    # records -------------------------------------------------------------------------------------------------

    def records(self, call: Call) -> Answer:
        """Records as the vendor shows them."""
        limit = min(call.number("limit", 100, 1), MOST)
        total, shown = self.vendor(call).show(self.kind(call), limit, call.number("offset", 0))
        return reply({"total": total, "records": shown})

    def get(self, call: Call) -> Answer:
        """One record as the vendor shows it."""
        vendor, kind = self.vendor(call), self.kind(call)
        found = vendor.show_one(kind, call.params["id"])
        if found is None:
            raise KeyError(call.params["id"])
        return reply(found)

    def put(self, call: Call) -> Answer:
        """Write a part of a record as a person at the vendor would."""
        return reply(self.vendor(call).control_put(self.kind(call), call.params["id"], call.json()))

    def rename(self, call: Call) -> Answer:
        """Give somebody another name, whatever the vendor calls its fields."""
        vendor, given = self.vendor(call), call.json()
        if vendor.show_one(vendor.people_kind, call.params["id"]) is None:
            raise KeyError(call.params["id"])
        part = vendor.named(str(given["first"]), str(given["last"]))
        return reply(vendor.control_put(vendor.people_kind, call.params["id"], part))

    def delete(self, call: Call) -> Answer:
        """Remove a record as a person at the vendor would."""
        if not self.vendor(call).control_delete(self.kind(call), call.params["id"]):
            raise KeyError(call.params["id"])
        return reply({"deleted": call.params["id"]})

    def generate(self, call: Call) -> Answer:
        """Make new believable records."""
        count = int(call.json().get("count", 1))
        if not 0 <= count <= 100_000:
            raise ValueError("count must be from 0 to 100000")
        return reply({"ids": self.vendor(call).control_generate(self.kind(call), count)})

    def merge(self, call: Call) -> Answer:
        """Merge two records as a person at the vendor would."""
        given = call.json()
        return reply(
            self.vendor(call).control_merge(self.kind(call), str(given["winner"]), str(given["loser"]))
        )

    def duplicates(self, call: Call) -> Answer:
        """Groups of records that look like one person; only people are looked through."""
        vendor, kind = self.vendor(call), self.kind(call)
        return reply({"groups": vendor.kind(kind).duplicates() if kind == vendor.people_kind else []})

    # requests and faults ---------------------------------------------------------------------------------------

    def requests(self, call: Call) -> Answer:
        """What was asked of a vendor, and how much of it changed something."""
        vendor = self.vendor(call)
        entries = vendor.journal(call.arg("since"))
        writes = [
            entry
            for entry in entries
            if entry["writes"] and entry["method"] != "GET" and entry["status"] < 400
        ]
        statuses: dict[str, int] = {}
        for entry in entries:
            statuses[str(entry["status"])] = statuses.get(str(entry["status"]), 0) + 1
        limit = call.number("limit", len(entries))
        return reply({
            "requests": entries[len(entries) - limit :] if limit < len(entries) else entries,
            "counts": {"all": len(entries), "writes": len(writes), "records_written": sum(e["writes"] for e in writes),
                       "statuses": statuses},
            "total": vendor.heard, "last": vendor.heard,
        })  # fmt: skip

    def listen(self, call: Call) -> Answer:
        """Enter an address for webhooks, or the code that was sent to it."""
        given = call.json()
        return reply(self.vendor(call).control_listen(str(given["url"]), str(given.get("code") or "")))

    def get_faults(self, call: Call) -> Answer:
        """The faults in force, and how many requests each has acted on."""
        faults = self.vendor(call).faults
        fired = [rule.fired for rule in faults.rules]
        return reply(
            {"profile": faults.profile, "rules": [rule.spec for rule in faults.rules], "fired": fired}
        )

    def set_faults(self, call: Call) -> Answer:
        """Take a profile or rules."""
        given = call.json()
        profile, rules = given.get("profile"), given.get("rules")
        if profile is None and rules is None:
            raise ValueError("give a profile or rules")
        self.vendor(call).use_faults(profile, rules)
        return self.get_faults(call)


def refusal(status: int, words: str) -> Answer:
    """An error in words."""
    return reply({"error": words}, status)
