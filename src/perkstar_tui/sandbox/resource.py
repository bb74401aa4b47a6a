"""One resource of a vendor (its customers, its webhooks): what it keeps, its paths, and what they do."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .vendor import Vendor
    from .wire import Routes


class Resource(ABC):
    """A part of a vendor; made anew by the vendor's `begin`, so that a reset leaves nothing behind."""

    vendor: "Vendor"
    """The vendor it is a part of; each resource names the class."""

    def __init__(self, vendor: "Vendor") -> None:
        self.vendor = vendor
        self.clock = vendor.clock
        self.chance = vendor.chance
        self.kind = vendor.kind

    @abstractmethod
    def route(self, routes: "Routes") -> None:
        """Add the paths of this resource."""
