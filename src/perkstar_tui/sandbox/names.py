"""Believable people: names from many places, addresses at providers that exist, British phone numbers."""

import random
import re
import unicodedata
from dataclasses import dataclass

EMAIL = re.compile(r"[^@\s\x00-\x1f<>()\[\],;:\\\"]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?\.[A-Za-z]{2,}")

FIRST = (
    "Amelia", "Oliver", "Olivia", "George", "Isla", "Harry", "Ava", "Noah", "Mia", "Jack", "Freya", "Leo",
    "Charlotte", "Arthur", "Grace", "Muhammad", "Sophie", "Oscar", "Emily", "Henry", "Priya", "Arjun", "Ananya",
    "Rohan", "Zara", "Imran", "Aisha", "Yusuf", "Chloé", "Étienne", "José", "Lucía", "Iñigo", "Björn", "Åsa",
    "Søren", "Zoë", "Renée", "François", "Mónica", "Jürgen", "Käthe", "Łukasz", "Agnieszka", "Zdeněk", "Šárka",
    "İbrahim", "Gülşen", "Ngọc", "Thảo", "Siân", "Niamh", "Caoimhe", "Seán", "Róisín", "Ewan", "Morag", "Rhys",
    "Carys", "Femi", "Adaeze", "Kwame", "Thandi", "Tomás", "Inês", "João", "Nuno", "Dimitri", "Anastasia", "Marek",
    "Ludmila", "Kenji", "Yuki", "Mei", "Hao", "Jin", "Soo-ah", "Lars", "Freja", "Mehmet", "Elif", "Omar", "Layla",
)  # fmt: skip
LAST = (
    "Smith", "Jones", "Taylor", "Brown", "Williams", "Wilson", "Johnson", "Davies", "Patel", "Wright", "Walker",
    "White", "Edwards", "Hughes", "Green", "Hall", "Lewis", "Clarke", "Jackson", "Wood", "Khan", "Ahmed", "Begum",
    "Singh", "Kaur", "Sharma", "O'Brien", "O’Neill", "McDonald", "MacLeod", "Núñez", "García", "Fernández",
    "Müller", "Schäfer", "Weiß", "Øverland", "Sørensen", "Åkesson", "Dvořák", "Nováková", "Kowalczyk", "Wiśniewska",
    "Şahin", "Yılmaz", "Nguyễn", "Trần", "van der Berg", "de la Cruz", "Dell'Acqua", "D'Angelo", "Ferreira-Lopes",
    "Okafor", "Adeyemi", "Mensah", "Nkosi", "Tanaka", "Suzuki", "Chen", "Wong", "Kim", "Park", "Haddad", "Rahman",
    "Papadopoulos", "Ivanova", "Petrov", "Horváth", "Szabó", "Lindqvist", "Virtanen", "Kjær", "Fitzgerald",
    "Featherstonehaugh", "St. John", "Lloyd-Jones", "Ap Gwilym", "Macpherson", "Campbell", "Stewart",
)  # fmt: skip
WIDE = (
    ("田中", "美咲", "misaki.tanaka"), ("王", "小明", "xiaoming.wang"), ("김", "서연", "seoyeon.kim"),
    ("حداد", "ليلى", "layla.haddad"), ("כהן", "נועה", "noa.cohen"), ("Иванова", "Ольга", "olga.ivanova"),
    ("Παππάς", "Νίκος", "nikos.pappas"), ("佐藤", "健", "ken.sato"), ("שלום", "דוד", "david.shalom"),
    ("นาคสวัสดิ์", "สมชาย", "somchai.nak"), ("शर्मा", "आनंद", "anand.sharma"),
)  # fmt: skip
ODD = (
    ("Ruby 🌸", "Marsh", "ruby.marsh"), ("👩‍🍳 Dee", "Baker", "dee.baker"), ("Max", "Power 💪🏽", "max.power"),
    ("Anna\x1b[31m", "Red", "anna.red"), ("<b>Bold</b>", "Markup", "bold.markup"),
    ("[red]Rich[/]", "Text", "rich.text"), ("Robert'); DROP TABLE customers;--", "Tables", "bobby.tables"),
    ("Tab\there", "Person", "tab.person"), ("\u202eEvil", "Order", "evil.order"),
    ("Zero\u200bwidth", "Joiner", "zero.w"),
    ("Quote\"s", "Back\\slash", "quote.s"), ("=1+1", "Formula", "formula.one"), ("  Spaces  ", "Around ", "spaces.a"),
)  # fmt: skip
DOMAINS = (
    "gmail.com", "outlook.com", "hotmail.co.uk", "yahoo.co.uk", "icloud.com", "btinternet.com", "sky.com",
    "live.co.uk", "protonmail.com", "virginmedia.com", "talktalk.net", "mail.ru", "gmx.de", "orange.fr",
)  # fmt: skip
STREETS = (
    "High Street",
    "Station Road",
    "Church Lane",
    "Victoria Road",
    "Green Lane",
    "Mill Lane",
    "Park Avenue",
)
TOWNS = (
    ("London", "SW1A 1AA"), ("Manchester", "M1 1AE"), ("Leeds", "LS1 4DY"), ("Bristol", "BS1 5TR"),
    ("Cardiff", "CF10 1EP"), ("Edinburgh", "EH1 1YZ"), ("Belfast", "BT1 5GS"), ("York", "YO1 7HH"),
)  # fmt: skip
LANDLINES = ("20794", "20718", "16149", "12127", "13148", "11797", "11327")
_PLAIN = str.maketrans(
    {"ø": "o", "Ø": "o", "ł": "l", "Ł": "l", "ß": "ss", "ı": "i", "æ": "ae", "đ": "d", "Đ": "d"}
)


@dataclass(slots=True)
class Person:
    """Somebody, in nobody's form: the phone is digits with the country code."""

    first: str
    last: str
    email: str
    phone: str
    birthday: str


def plain(text: str) -> str:
    """Letters of a name as they appear in an address."""
    flat = unicodedata.normalize("NFKD", text.translate(_PLAIN)).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "", flat) or "x"


def mobile(number: int) -> str:
    """The n-th British mobile number; different for each n below 157 million."""
    # 07300 to 07456 are given out throughout, and none of them on an island with its own country code. The factor has
    # no divisor in common with 157 million, so that neighbours look nothing alike and no number comes twice.
    return f"44{7_300_000_000 + number * 61_803_399 % 157_000_000}"


def landline(number: int) -> str:
    """The n-th number of a house in a British town."""
    return f"44{LANDLINES[number % len(LANDLINES)]}{number * 7919 % 100_000:05d}"


def birthday(chance: random.Random) -> str:
    """A date of birth of somebody grown up."""
    return f"{chance.randrange(1941, 2006)}-{chance.randrange(1, 13):02d}-{chance.randrange(1, 29):02d}"


def invent(chance: random.Random) -> Person:
    """Somebody new; address and number are as good as unique."""
    first, last = chance.choice(FIRST), chance.choice(LAST)
    number = chance.randrange(10**7, 9 * 10**7)
    email = f"{plain(first)}.{plain(last)}{number % 100_000}@{chance.choice(DOMAINS)}"
    return Person(first, last, email, mobile(number), birthday(chance))


def national(phone: str) -> str:
    """`447400123456` as it is written in Britain."""
    return f"0{phone[2:6]} {phone[6:]}" if phone[2] == "7" else f"0{phone[2:]}"


def international(phone: str) -> str:
    """`447400123456` with its plus and some air."""
    return f"+{phone[:2]} {phone[2:6]} {phone[6:]}"
