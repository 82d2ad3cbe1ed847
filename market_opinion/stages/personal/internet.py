"""Links, e-mail addresses, accounts, and addresses in a network."""

from market_opinion.stages.personal.kind import EMAIL, GLUE, HERE, LINK, PLACE, USER, Kind

_UNIT = (
    r"(?:hz|khz|mhz|ghz|fps|w|kw|watts?|mp|mpx|mah|nits?|k|p|x|gb|mb|tb|gbps|mbps|v|a|rpm"
    r"|mm|cm|in|inch|inches|usd|eur|am|pm|%)"
)
# Names of top-level domains that are no English word at the end of a sentence.
_TOP = (
    r"(?:com|org|net|edu|gov|info|biz|dev|app|tv|gg|xyz|example|blog|online|website"
    r"|de|fr|nl|eu|ru|pl|es|uk|ca|au|ch|se|jp|cn|br|io|co)"
)
_HOST = r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+"
_AT = r"(?: ?[\[({<-] ?(?:at|a) ?[\])}>-] ?)"
_DOT = r"(?: ?[\[({<-] ?dot ?[\])}>-] ?| dot |\.)"
_CLEAR_DOT = r"(?: ?[\[({<-] ?dot ?[\])}>-] ?| dot )"
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_HEX = r"[0-9A-Fa-f]"

LINK_KIND = Kind(
    "link",
    LINK,
    r"://|[wW]{3}\.|\.[A-Za-z]{2,}/|\[\.\]",
    (
        (r"(?i)\b(?:h(?:tt|xx)ps?|ftp|sftp|ssh)://[^\s<>\"]+", f" {HERE} "),
        (r"(?i)\bwww\.[^\s<>\[\]\"]+", f" {HERE} "),
        (rf"(?i)\b{_HOST}[a-z]{{2,}}/[^\s<>\[\]\"]*", f" {HERE} "),
        (r"(?i)\b(?:[a-z0-9-]+\[\.\])+[a-z]{2,}(?:/[^\s<>\"]*)?", f" {HERE} "),
    ),
    "see hxxps://people[.]example/mila for more",
    "people[.]example/mila",
    "f/1.8 and 8/256 GB, and/or a case",
)
EMAIL_KIND = Kind(
    "email",
    EMAIL,
    "@",
    (
        (r"[\w.%+-]+@[\w-]+(?:\.[\w-]+)+", HERE),
        (r"[\w.%+-]+ @ (?:[\w-]+\.)+[A-Za-z]{2,}\b", HERE),
    ),
    "mail me: mila @ example.org",
    "mila @ example.org",
    "4K @ 60.5 fps",
)
SPOKEN_EMAIL_KIND = Kind(
    "spoken_email",
    EMAIL,
    r"(?i-u:[\[({<-] ?(?:at? ?[\])}>-]|dot ?[\])}>-])| dot | at [a-z0-9-]+\.[a-z0-9])",
    (
        (rf"(?i)[a-z0-9_.%+-]+{_AT}[a-z0-9-]+(?:{_DOT}[a-z0-9-]+)*{_DOT}[a-z]{{2,}}", HERE),
        (
            (
                rf"(?i)[a-z0-9_%+-]+(?:{_DOT}[a-z0-9_%+-]+)*"
                rf" at [a-z0-9-]+(?:{_DOT}[a-z0-9-]+)*{_CLEAR_DOT}[a-z]{{2,}}"
            ),
            HERE,
        ),
        (
            (
                r"(?i)\b((?:e-?mail|mail|write|contact|reach|message|ping)"
                r"(?: (?:me|us|to|at|is|address))*:? )"
                rf"[a-z0-9_.+-]+ at {_HOST}[a-z]{{2,}}"
            ),
            f"${{1}}{HERE}",
        ),
    ),
    "write to mila at example.org",
    "mila at example.org",
    "look at home, the dot is on the screen",
)
HOST_KIND = Kind(
    "host",
    LINK,
    rf"(?i-u:[a-z0-9-]\.{_TOP}\b)",
    ((rf"(?i)\b(?:[a-z0-9-]+\.)+{_TOP}\b", HERE),),
    "shots at mila.example",
    "mila.example",
    "It is great.Best phone, v2.0.1",
)
ACCOUNT_KIND = Kind(
    "account",
    USER,
    r"[uUrR]/",
    (
        (r"(?i)/(?:u|user)/[A-Za-z0-9_-]{3,}", HERE),
        (r"(?i)(^|[^A-Za-z0-9_/])/?(?:u/|user/|r/u_)[A-Za-z0-9_-]{2,}", f"${{1}}{HERE}"),
    ),
    "ask u/quiet_heron_700",
    "quiet_heron_700",
    "posted in r/phones, and w/o a case",
)
MENTION_KIND = Kind(
    "mention",
    USER,
    "@",
    (
        # Twice, since two matches in a row share the character between them.
        *(
            (
                rf"(?i)@( ?[$€£]?[0-9]+(?:[.,][0-9]+)*{_UNIT}?)([^\w.-]|[.,-](?:\s|$)|$)",
                f"{GLUE}${{1}}${{2}}",
            ),
        )
        * 2,
        (r"(?i)@( ?f/?[0-9](?:\.[0-9]+)?)([^\w.-]|[.,-](?:\s|$)|$)", f"{GLUE}${{1}}${{2}}"),
        (r"(^|[^\w@./]|[^\w@./]\.|^\.)@[\w][\w.-]*\w", f"${{1}}{HERE}"),
        (GLUE, "@"),
    ),
    "thanks @mila_e7",
    "mila_e7",
    "4K @60fps and @120hz",
)
NETWORK_ADDRESS_KIND = Kind(
    "network_address",
    PLACE,
    rf"[0-9]\.[0-9]+\.[0-9]+\.[0-9]|::|{_HEX}{{2}}[:-]{_HEX}{{2}}[:-]{_HEX}{{2}}[:-]"
    rf"|{_HEX}{{4}}\.{_HEX}{{4}}\.|(?::{_HEX}{{1,4}}){{7}}",
    (
        (rf"\b(?:{_HEX}{{2}}[:-]){{5}}{_HEX}{{2}}\b", HERE),
        (rf"\b{_HEX}{{4}}\.{_HEX}{{4}}\.{_HEX}{{4}}\b", HERE),
        (rf"\b{_HEX}{{1,4}}(?::{_HEX}{{1,4}}){{7}}\b", HERE),
        (
            rf"\b{_HEX}{{1,4}}(?::{_HEX}{{1,4}}){{0,6}}::(?:{_HEX}{{1,4}}(?::{_HEX}{{1,4}}){{0,6}})?",
            HERE,
        ),
        # A version has as many numbers: a word before tells it.
        (
            (
                r"(?i)\b((?:firmware|software|version|ver|v|build|driver|release|update|bios|kernel)"
                r"\.?:? ?v?[0-9]+\.)"
            ),
            f"${{1}}{GLUE}",
        ),
        (
            (
                r"\b(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9][0-9])"
                rf"(?:\.{_OCTET}){{3}}(?::[0-9]{{2,5}})?\b"
            ),
            HERE,
        ),
        (GLUE, ""),
    ),
    "from 192.0.2.44 and 2001:db8::44",
    "192.0.2.44",
    "One UI 6.1.1 at 10:30, version 1.2.3.4, firmware 10.1.22.30",
)
