r"""Personal data in texts: a row a kind, with its detector, mask, example and counterexample.

Detectors see a text after its markup is gone and after full-width signs and other scripts' digits
became ASCII. They are regular expressions of the `regex` crate: linear in the text, and without a
look around, so that a pattern keeps by `$1` what stands beside. For example, `telegram: mila_e7` is
`telegram: [user]`.
"""

from typing import NamedTuple

USER, EMAIL, PHONE, LINK = "[user]", "[email]", "[phone]", "[link]"
NUMBER, PLACE = "[number]", "[place]"
MASKS = (USER, EMAIL, PHONE, LINK, NUMBER, PLACE)

# Stands for an @ that means "at" while names are looked for; no keyboard writes it.
_AT = "\ue0a7"
_UNIT = (
    r"(?:hz|khz|mhz|ghz|fps|w|kw|watts?|mp|mpx|mah|nits?|k|p|x|gb|mb|tb|gbps|mbps|v|a"
    r"|mm|cm|in|inch|inches|usd|eur|am|pm|%)"
)
# Names of top-level domains that are no English word at the end of a sentence.
_TOP = (
    r"(?:com|org|net|edu|gov|info|biz|dev|app|tv|gg|xyz|example|blog|online|website"
    r"|de|fr|nl|eu|ru|pl|es|uk|ca|au|ch|se|jp|cn|br|io|co)"
)
_HOST = r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+"
_SERVICE = (
    r"(?:ig|insta|instagram|snap|snapchat|telegram|tg|discord|kik|tiktok|skype|twitter|whatsapp"
    r"|venmo|psn)"
)
_HANDLE = r"@?[A-Za-z][A-Za-z.]*[0-9_][A-Za-z0-9_.]*(?:#[0-9]{3,5})?"
_STREET = (
    r"(?:Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct|Way|Place|Square"
    r"|Terrace|Close|Crescent)"
)
_NAME = r"[A-Z][\p{L}'-]+(?: [A-Z][\p{L}'-]+){0,2}"

Step = tuple[str, str]


class Kind(NamedTuple):
    """One kind of personal data; `guard` is a quick look that spares most texts the detectors.

    `example` holds `hidden`, which a mask takes the place of; nothing of `counterexample` is taken.
    """

    name: str
    guard: str
    steps: tuple[Step, ...]
    example: str
    hidden: str
    counterexample: str


KINDS: tuple[Kind, ...] = (
    Kind(
        "link",
        r"/|[wW]\.|\[\.\]",
        (
            (r"(?i)\b(?:h(?:tt|xx)ps?|ftp|sftp|ssh)://[^\s<>\"]+", f" {LINK} "),
            (r"(?i)\bwww\.[^\s<>\[\]\"]+", f" {LINK} "),
            (rf"(?i)\b{_HOST}[a-z]{{2,}}/[^\s<>\[\]\"]*", f" {LINK} "),
            (r"(?i)\b(?:[a-z0-9-]+\[\.\])+[a-z]{2,}(?:/[^\s<>\"]*)?", f" {LINK} "),
        ),
        "see hxxps://people[.]example/mila for more",
        "people[.]example/mila",
        "f/1.8 and 8/256 GB, and/or a case",
    ),
    Kind(
        "e-mail",
        "@",
        (
            (r"[\w.%+-]+@[\w-]+(?:\.[\w-]+)+", EMAIL),
            (r"[\w.%+-]+ @ (?:[\w-]+\.)+[A-Za-z]{2,}\b", EMAIL),
        ),
        "mail me: mila @ example.org",
        "mila @ example.org",
        "4K @ 60.5 fps",
    ),
    Kind(
        "e-mail in words",
        r"[\[({<] ?[aA][tT] ?[\])}>]|(?i: dot | at )",
        (
            (
                (
                    r"(?i)[a-z0-9_.%+-]+ ?[\[({<] ?at ?[\])}>] ?[a-z0-9-]+"
                    r" ?(?:\.|[\[({<] ?dot ?[\])}>]|\bdot\b) ?[a-z]{2,}"
                ),
                EMAIL,
            ),
            (r"(?i)[a-z0-9_.%+-]+ at [a-z0-9-]+ dot [a-z]{2,}", EMAIL),
            (
                (
                    r"(?i)\b((?:e-?mail|write|contact|reach|message|ping)"
                    r"(?: (?:me|us|to|at|is))*:? )"
                    rf"[a-z0-9_.+-]+ at {_HOST}[a-z]{{2,}}"
                ),
                f"${{1}}{EMAIL}",
            ),
        ),
        "write to mila at example.org",
        "mila at example.org",
        "look at home, the dot is on the screen",
    ),
    Kind(
        "host",
        rf"(?i)[a-z0-9]\.{_TOP}\b",
        ((rf"(?i)\b(?:[a-z0-9-]+\.)+{_TOP}\b", LINK),),
        "shots at mila.example",
        "mila.example",
        "It is great.Best phone, v2.0.1",
    ),
    Kind(
        "account",
        r"[uUrR]/",
        ((r"(?i)(^|[^A-Za-z0-9_/])/?(?:u/|user/|r/u_)[A-Za-z0-9_-]{2,}", f"${{1}}{USER}"),),
        "ask u/quiet_heron_700",
        "quiet_heron_700",
        "posted in r/phones, and w/o a case",
    ),
    Kind(
        "name after an @",
        "@",
        (
            # Twice, since two matches in a row share the character between them.
            *(
                (
                    rf"(?i)@( ?[$€£]?[0-9]+(?:[.,][0-9]+)?{_UNIT}?)([^\w.-]|[.,-](?:\s|$)|$)",
                    f"{_AT}${{1}}${{2}}",
                ),
            )
            * 2,
            (r"(?i)@( ?f/?[0-9](?:\.[0-9]+)?)([^\w.-]|[.,-](?:\s|$)|$)", f"{_AT}${{1}}${{2}}"),
            (r"(^|[^\w@./])@[\w][\w.-]*\w", f"${{1}}{USER}"),
            (_AT, "@"),
        ),
        "thanks @mila_e7",
        "mila_e7",
        "4K @60fps and @120hz",
    ),
    Kind(
        "handle",
        rf"(?i)\b{_SERVICE}\b|#[0-9]{{4}}",
        (
            (
                (
                    rf"(?i)\b({_SERVICE}(?: (?:name|id|handle|user|username|is|me|at|on))*"
                    rf"(?: ?[:=-] ?| ))({_HANDLE})"
                ),
                f"${{1}}{USER}",
            ),
            (rf"(?i)\b({_SERVICE}(?: (?:name|id|handle))? ?[:=] ?)@?[\w.]{{3,}}", f"${{1}}{USER}"),
            (r"\b[A-Za-z][\w.]{2,31}#[0-9]{4}\b", USER),
        ),
        "discord milaexample#0001, snap: milaexample",
        "milaexample",
        "discord runs well, and Telegram 11 is out",
    ),
    Kind(
        "name",
        r"(?i)my (?:full |real )?name|call me|signed|yours",
        (
            (
                (
                    r"\b((?i:my (?:full |real )?name(?: is|'s)|call me|signed,?"
                    r"|yours(?: truly)?,?) )"
                    rf"{_NAME}"
                ),
                f"${{1}}{USER}",
            ),
        ),
        "my name is Mila Example",
        "Mila Example",
        "my name is on the box, and they call me an idiot",
    ),
    Kind(
        "bank account",
        r"[A-Z]{2}[0-9]{2}",
        ((r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b", NUMBER),),
        "pay to DE89 3704 0044 0532 0130 00",
        "3704 0044 0532",
        "a UP1A.231005.007 build, an SM-S921B",
    ),
    Kind(
        "card, device or social number",
        r"[0-9]{14}|[0-9]{4}[ -][0-9]{4}|[0-9]{3}-[0-9]{2}-",
        (
            (r"\b[0-9]{4}[ -][0-9]{4}[ -][0-9]{4}[ -][0-9]{1,7}\b", NUMBER),
            (r"\b[0-9]{4}[ -][0-9]{6}[ -][0-9]{5}\b", NUMBER),
            (r"\b[0-9]{14,19}\b", NUMBER),
            (r"\b[0-9]{3}-[0-9]{2}-[0-9]{4}\b", NUMBER),
        ),
        "card 4111 1111 1111 1111",
        "1111",
        "sold 2025-11-03, 1440 x 3120, 1,234,567 points",
    ),
    Kind(
        "address in a network",
        r"[0-9]\.[0-9]|::|[0-9A-Fa-f]{2}[:-][0-9A-Fa-f]{2}[:-]",
        (
            (r"\b(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}\b", PLACE),
            (r"\b[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){7}\b", PLACE),
            (
                (
                    r"\b[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,6}::"
                    r"(?:[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,6})?"
                ),
                PLACE,
            ),
            (
                (
                    r"\b(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9][0-9])"
                    r"(?:\.(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])){3}\b"
                ),
                PLACE,
            ),
        ),
        "from 192.0.2.44 and 2001:db8::44",
        "192.0.2.44",
        "One UI 6.1.1 at 10:30, version 1.2.3.4",
    ),
    Kind(
        "coordinates",
        r"[0-9]\.[0-9]{4}",
        ((r"-?\b[0-9]{1,3}\.[0-9]{4,}°?,? ?-?[0-9]{1,3}\.[0-9]{4,}°?", PLACE),),
        "found at 0.12345, 0.54321",
        "0.54321",
        "it scored 1.2345 times as much",
    ),
    Kind(
        "street",
        rf"[0-9] [A-Z]\S+ .{{0,40}}\b{_STREET}\b|[0-9] [A-Z]\S+ {_STREET}\b",
        (
            (
                (
                    rf"\b[0-9]{{1,5}}[a-zA-Z]? (?:[A-Z][\p{{L}}'-]+ ){{1,3}}{_STREET}\b"
                    rf"(?:,? [A-Z][\p{{L}}'-]+)?(?:,? [A-Z]{{2}})?(?: [0-9]{{5}})?"
                ),
                PLACE,
            ),
        ),
        "I live at 14 Sample Lane, Exampletown 00000",
        "14 Sample Lane",
        "2 Galaxy phones in a street market, 5 Pixel Buds the Way they are",
    ),
    Kind(
        "phone",
        r"(?:[0-9][ ./()-]{0,2}){7}",
        (
            (r"(^|[^A-Za-z0-9_.+])\+[0-9]{1,3}(?:[ ./()-]{0,2}[0-9]){6,12}", f"${{1}}{PHONE}"),
            (r"\(0?[0-9]{1,4}\) ?[0-9]{3,5}[ -]?[0-9]{3,5}\b", PHONE),
            (r"(^|[^A-Za-z0-9_.,-])0[0-9](?:[ .-][0-9]{2}){4}\b", f"${{1}}{PHONE}"),
            (
                r"(^|[^A-Za-z0-9_.,-])00?[0-9]{1,4}[ ./-]?[0-9]{3,4}(?:[ ./-]?[0-9]{2,4}){1,3}",
                f"${{1}}{PHONE}",
            ),
            (
                r"(^|[^A-Za-z0-9_.,-])(?:1[ .-])?\(?[0-9]{3}\)?[ .-]{0,2}[0-9]{3}[ .-][0-9]{4}",
                f"${{1}}{PHONE}",
            ),
            (r"(^|[^A-Za-z0-9_.,-])[0-9]{3,5}[ .-][0-9]{3,5}[ .-][0-9]{3,4}", f"${{1}}{PHONE}"),
            (r"(^|[^A-Za-z0-9_.,-])[0-9]{5}[ -][0-9]{5}\b", f"${{1}}{PHONE}"),
            (r"(^|[^A-Za-z0-9_.,#-])[0-9]{10,11}\b", f"${{1}}{PHONE}"),
            (
                (
                    r"(?i)\b((?:call|text|phone|ring|tel|whatsapp|sms|number|cell|mobile|reach)"
                    r"(?: me)?(?: is| at| on|:)?[ :.]{1,2})"
                    r"[0-9]{3}[ .-]?[0-9]{4,5}\b"
                ),
                f"${{1}}{PHONE}",
            ),
        ),
        "ring (02) 5550 0123, or 06 39 98 01 23",
        "5550 0123",
        "1440 x 3120 pixels, 4000 mAh, 2025-11-03",
    ),
)

# A text without a match holds none of these kinds, unless a sign of it is no plain character.
SEEN_IN_PLAIN_TEXT = "|".join(
    (
        r"(?:[0-9][ ./()-]{0,2}){7}",
        r"[\[({<] ?[aA][tT] |(?i: dot )|[wW]\.",
        r"::|(?:[0-9A-Fa-f]{2}:){2}",
        rf"(?i:[a-z0-9]\.{_TOP}\b)",
        rf"(?i:\b{_SERVICE}\b)",
        r"(?i:my (?:full |real )?name|call me|signed|yours| at [a-z0-9-]+\.)",
        rf"[0-9] [A-Z].{{0,60}}\b{_STREET}\b",
    )
)
