"""What each operation counts, on which types of card, and where in the card's balance it goes."""

TYPES = ("stamp", "cashback", "multipass", "coupon", "discount", "certificate", "membership", "reward")
"""The types of card; an operation names a type by its place here."""
STAMPS_PER_REWARD = 10
BY_HAND = {7: "scores", 0: "stamp", 1: "point", 2: "visit", 4: "point", 5: "point", 6: "visit"}
"""By type, what a person in Perkstar's screens adds or takes."""

POINT, SCORES, STAMPS, VISITS, REWARDS, AMOUNT = "points", "scores", "stamps", "visits", "rewards", "amount"
OPERATIONS: dict[str, tuple[str, int, frozenset[int]]] = {
    # operation: the body's member, its sign, the card types that know it
    "add-point": (POINT, 1, frozenset({1, 4, 5})),
    "subtract-point": (POINT, -1, frozenset({1, 4, 5})),
    "add-transaction-amount": (AMOUNT, 1, frozenset({1})),
    "subtract-transaction-amount": (AMOUNT, -1, frozenset({1})),
    "add-purchase": (AMOUNT, 1, frozenset({0, 7})),
    "subtract-purchase": (AMOUNT, -1, frozenset({0})),
    "add-reward": (REWARDS, 1, frozenset({0})),
    "subtract-reward": (REWARDS, -1, frozenset({0})),
    "add-scores": (SCORES, 1, frozenset({2, 7})),
    "subtract-scores": (SCORES, -1, frozenset({2, 7})),
    "add-stamp": (STAMPS, 1, frozenset({0})),
    "subtract-stamp": (STAMPS, -1, frozenset({0})),
    "add-visit": (VISITS, 1, frozenset({0, 2, 6, 7})),
    "subtract-visit": (VISITS, -1, frozenset({2, 6})),
}
MECHANICS = {"add-purchase": "spend", "subtract-purchase": "spend", "add-scores": "points",
             "subtract-scores": "points", "add-stamp": "stamps", "subtract-stamp": "stamps"}  # fmt: skip
COUNTERS = {POINT: 1, AMOUNT: 4, SCORES: 24, STAMPS: 1, VISITS: 42, REWARDS: 3}
WHERE_IT_GOES: dict[tuple[int, str], str] = {
    (0, STAMPS): "numberStampsTotal", (0, REWARDS): "numberRewardsUnused", (0, VISITS): "currentNumberOfUses",
    (0, AMOUNT): "balance", (1, POINT): "bonusBalance", (1, AMOUNT): "balance",
    (2, VISITS): "currentNumberOfUses", (2, SCORES): "bonusBalance", (4, POINT): "discountAmount",
    (5, POINT): "balance", (6, VISITS): "currentNumberOfUses", (7, SCORES): "bonusBalance",
    (7, VISITS): "bonusBalance", (7, AMOUNT): "bonusBalance",
}  # fmt: skip
