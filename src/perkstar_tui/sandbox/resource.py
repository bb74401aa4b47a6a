"""One resource of a vendor (its customers, its webhooks): what it keeps, its paths, and what they do."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from .vendor import Vendor
    from .wire import Routes

V = TypeVar("V", bound="Vendor")


class Resource(ABC, Generic[V]):
    """A part of a vendor; made anew by the vendor's `begin`, so that a reset leaves nothing behind."""

    def __init__(self, vendor: V) -> None:
        self.vendor = vendor
        self.clock = vendor.clock
        self.chance = vendor.chance
        self.kind = vendor.kind

    @abstractmethod
    def route(self, routes: "Routes") -> None:
        """Add the paths of this resource."""


AnyResource = Resource[Any]
