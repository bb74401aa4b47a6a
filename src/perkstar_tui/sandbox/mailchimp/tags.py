"""The tags of members."""

from typing import TYPE_CHECKING, Any

from ..resource import Resource
from ..wire import Answer, Call, Routes, reply
from .partial import trimmed

if TYPE_CHECKING:
    from .vendor import Mailchimp


class Tags(Resource):
    """Tags by name, each with a number."""

    vendor: "Mailchimp"

    def __init__(self, vendor: "Mailchimp") -> None:
        super().__init__(vendor)
        self.ids: dict[str, int] = {}

    def route(self, routes: Routes) -> None:
        """The paths of a member's tags, and the search for tags."""
        tags = "/lists/{list}/members/{hash}/tags"
        routes.add("GET", tags, self.listed)
        routes.add("POST", tags, self.update)
        routes.add("GET", "/lists/{list}/tag-search", self.search)

    def tag(self, name: str) -> dict[str, Any]:
        """A tag with its number."""
        return {"id": self.ids.setdefault(name, 26_000 + len(self.ids)), "name": name}

    def listed(self, call: Call) -> Answer:
        """The tags of a member."""
        row = self.vendor.members.found(call)
        tags = [tag | {"date_added": row.body["last_changed"]} for tag in row.body["tags"]]
        return trimmed(call, {"tags": tags, "total_items": len(tags)})

    def update(self, call: Call) -> Answer:
        """Put tags on a member or take them off."""
        row = self.vendor.members.found(call)
        kept = {tag["name"]: tag for tag in row.body["tags"]}
        for item in call.json()["tags"]:
            if item["status"] not in ("active", "inactive"):
                raise self.vendor.invalid(
                    "tags.item:0.status", "The value you selected is not a valid choice."
                )
            if item["status"] == "active":
                kept[item["name"]] = self.tag(item["name"])
            else:
                kept.pop(item["name"], None)
        if list(kept.values()) != row.body["tags"]:
            row.body["tags"] = list(kept.values())
            row.body["tags_count"] = len(kept)
            self.vendor.members.touch(row)
        return Answer(204)

    def search(self, call: Call) -> Answer:
        """Tags whose names begin with a text."""
        text = call.arg("name").lower()
        found = [
            {"id": number, "name": name} for name, number in self.ids.items() if name.lower().startswith(text)
        ]
        return reply({"tags": found, "total_items": len(found)})
