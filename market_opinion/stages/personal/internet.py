"""Links, e-mail addresses, accounts, and addresses in a network."""

from market_opinion.stages.personal.kind import EMAIL, GLUE, HERE, LINK, PLACE, USER, Kind

_UNIT = (
    r"(?:hz|khz|mhz|ghz|fps|w|kw|watts?|mp|mpx|mah|nits?|k|p|x|gb|mb|tb|gbps|mbps|v|a|rpm"
    r"|mm|cm|in|inch|inches|usd|eur|am|pm|%)"
)
# Names of top-level domains that are no English word at the end of a sentence.
_TOP = (
    r"(?:com|org|net|edu|gov|info|biz|dev|app|tv|gg|xyz|example|blog|online|website"
    r"|de|fr|nl|eu|ru|pl|es|uk|ca|au|ch|se|jp|cn|br|io|co"
    r"|social|dk|fi|nz|za|ie|pt|cz|gr|ua|mx|kr|hk|sg|ly|ee)"
)
_HOST = r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+"
_AT = r"(?: ?[\[({<-] ?(?:at|a|@) ?[\])}>-] ?| ?[\[(](?:bei|ät)[\])] ?)"
_DOT = r"(?: ?[\[({<-] ?dot ?[\])}>-] ?| dot |\.)"
_CLEAR_DOT = r"(?: ?[\[({<-] ?dot ?[\])}>-] ?| dot )"
# The same words in other languages, which mean nothing else beside an address.
_OTHER_AT = r"(?:arroba|arobase|chiocciola|klammeraffe|apenstaart(?:je)?|małpa|snabel-?a)"
_OTHER_DOT = r"(?:punto|punkt|point|ponto|punt|kropka|dot)"
_FOREIGN_AT = rf"(?: ?[\[({{<-] ?{_OTHER_AT} ?[\])}}>-] ?| {_OTHER_AT} )"
_FOREIGN_DOT = rf"(?: ?[\[({{<-] ?{_OTHER_DOT} ?[\])}}>-] ?| {_OTHER_DOT} |\.)"
_BRACKET_DOT = r"(?: ?[\[({] ?(?:dot|punkt|punto|point|ponto|\.) ?[\])}] ?)"
_MAILERS = r"(?:gmail|googlemail|hotmail|yahoo|icloud|protonmail|gmx|outlook|aol)"
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_HEX = r"[0-9A-Fa-f]"
_HEXES = rf"{_HEX}{{1,4}}"
# Versions count in small numbers; addresses seldom do.
_LARGE = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[3-9][0-9])"
_PORT = r"(?::[0-9]{2,5})?\b"
_VERSION = (
    r"(?:firmware|software|version|ver|v|build|driver|release|update|bios|kernel|patch|emui|miui"
    r"|hyperos|oxygenos|coloros|harmonyos|funtouch ?os|ios|ipados|android|ui|os|chrome|firefox)"
)
_NETWORK_WORD = r"(?:ip(?:v4|v6)?|router|gateway|server|host|nas|dns|ping|subnet|modem|printer)"

LINK_KIND = Kind(
    "link",
    LINK,
    r"://|\]//|[wW]{3}\.|\.[A-Za-z]{2,}/|\[\.\]|\. ?[A-Za-z]{2,3} ?/",
    (
        (r"(?i)\b[a-z][a-z0-9+.-]{1,20}(?::|\[:\])//[^\s<>\"]+", f" {HERE} "),
        (r"(?i)\bwww\.[^\s<>\[\]\"]+", f" {HERE} "),
        (rf"(?i)\b{_HOST}[a-z]{{2,}}/[^\s<>\[\]\"]*", f" {HERE} "),
        (r"(?i)\b(?:[a-z0-9-]+\[\.\])+[a-z]{2,}(?:/[^\s<>\"]*)?", f" {HERE} "),
        (
            (
                r"(?i)\b(?:t|wa|discord|youtu|bit|linktr|fb|paypal|instagram|tiktok|facebook|twitter)"
                r" ?\. ?(?:me|gg|be|ly|ee|com) ?/ ?[\w.@+-]{3,}"
            ),
            HERE,
        ),
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
        (rf"(?i)[\w.%+-]+@ (?:[\w-]+\.)+{_TOP}\b", HERE),
        (r"[\w.%+-]+@\[[0-9A-Fa-f:.]{3,45}\]", HERE),
        (r"\"[^\"\n]{1,64}\"@[\w-]+(?:\.[\w-]+)+", HERE),
        (rf"(?i)[\w.%+-]+@(?:{_MAILERS}|localhost|[a-z0-9-]+,(?:com|org|net|de))\b", HERE),
    ),
    "mail me: mila @ example.org",
    "mila @ example.org",
    "4K @ 60.5 fps",
)
SPOKEN_EMAIL_KIND = Kind(
    "spoken_email",
    EMAIL,
    rf"(?i-u:[\[({{<-] ?(?:at? ?[\])}}>-]|dot ?[\])}}>-])| dot | at [a-z0-9-]+\.[a-z0-9]"
    rf"|_at_[a-z0-9-]+_dot_| at {_MAILERS}\b)|@|(?i:{_OTHER_AT}|(?:bei|ät)[\])])",
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
        (rf"(?i)[\w.%+-]+ ?@ ?[\w-]+(?:{_DOT}[\w-]+)*{_CLEAR_DOT}[a-z]{{2,}}", HERE),
        (rf"(?i)[\w.%+-]+{_AT}[\w-]+ ?\. ?{_TOP}\b", HERE),
        (rf"(?i)\b[\w.%+-]+ @{_MAILERS}\.[a-z]{{2,}}\b", HERE),
        (r"(?i)[a-z0-9.+-]+_at_[a-z0-9-]+(?:_dot_[a-z0-9-]+)+", HERE),
        (
            (
                rf"(?i)[\w.%+-]+(?:{_FOREIGN_DOT}[\w%+-]+)*{_FOREIGN_AT}[\w-]+"
                rf"(?:{_FOREIGN_DOT}[\w-]+)*{_FOREIGN_DOT}[a-z]{{2,}}"
            ),
            HERE,
        ),
        (rf"(?i)[\w.%+-]+{_AT}[\w-]+(?:{_FOREIGN_DOT}[\w-]+)*{_FOREIGN_DOT}[a-z]{{2,}}", HERE),
        (rf"[\w.%+-]+ AT (?i:{_MAILERS}\.[a-z]{{2,}})\b", HERE),
        (rf"(?i)[\w%+-]*[0-9._][\w.%+-]* at {_MAILERS}(?:\.[a-z]{{2,}})?\b", HERE),
    ),
    "write to mila at example.org",
    "mila at example.org",
    "look at home, the dot is on the screen",
    hint=r"(?i-u:[\[({<-] ?(?:at? ?[\])}>-]|dot ?[\])}>-])| dot | at [a-z0-9-]+\.[a-z0-9])",
    words=(
        *("arroba", "arobase", "chiocciola", "klammeraffe", "apenstaart", "snabela", "snabel-a"),
        *("małpa", "maŁpa", "_at_", "bei)", "bei]", "ät)", "ät]", "Ät)", "@"),
        *(f" at {name}" for name in ("gmail", "googlemail", "hotmail", "yahoo", "icloud", "aol")),
        *(f" at {name}" for name in ("protonmail", "gmx", "outlook")),
    ),
)
HOST_KIND = Kind(
    "host",
    LINK,
    rf"(?i-u:[a-z0-9-]\.{_TOP}\b|[a-z0-9] ?[\[({{] ?(?:dot|punkt|punto|point|ponto|\.) ?[\])}}]"
    r"| slash )",
    (
        (r"(?i)\b((?:asp|vb|ado)\.)(net)\b", f"${{1}}{GLUE}${{2}}"),
        (rf"(?i)\b[a-z0-9-]+(?:{_BRACKET_DOT}[a-z0-9-]+)+(?:/[^\s<>\"]*)?", HERE),
        (r"(?i)\b[a-z0-9-]+ dot [a-z]{2,6}(?: slash [\w.-]+)+", HERE),
        (rf"(?i)\b(?:[a-z0-9-]+\.)+{_TOP}\b", HERE),
        (GLUE, ""),
    ),
    "shots at mila.example",
    "mila.example",
    "It is great.Best phone, v2.0.1",
    hint=rf"(?i-u:[a-z0-9-]\.{_TOP}\b)",
    words=(
        "dot",
        "punkt",
        "punto",
        "point",
        "ponto",
        " slash ",
        "(.",
        "( .",
        "[.",
        "[ .",
        "{.",
        "{ .",
    ),
)
ACCOUNT_KIND = Kind(
    "account",
    USER,
    r"[uUrR] ?/",
    (
        (r"(^|[\s(,])[uU] / [A-Za-z][A-Za-z0-9-]*[0-9_-][A-Za-z0-9_-]+", f"${{1}}{HERE}"),
        (r"(^|[\s(,])[uU] / [A-Za-z]{8,}", f"${{1}}{HERE}"),
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
    rf"|{_HEX}{{4}}\.{_HEX}{{4}}\.|(?::{_HEXES}){{5}}"
    rf"|(?i-u:\b(?:mac|bssid|hwaddr|ether)(?: (?:address|addr|is))*[ :=]+{_HEX}{{12}})",
    (
        (rf"\b(?:{_HEX}{{2}}[:-]){{5}}{_HEX}{{2}}\b", HERE),
        (
            (
                r"(?i)\b((?:mac|bssid|hwaddr|ether)(?: (?:address|addr|is))*[ :=]+)"
                rf"{_HEX}{{12}}\b"
            ),
            f"${{1}}{HERE}",
        ),
        (rf"\b{_HEX}{{4}}\.{_HEX}{{4}}\.{_HEX}{{4}}\b", HERE),
        (rf"\b{_HEXES}(?::{_HEXES}){{7}}\b", HERE),
        (rf"\b{_HEXES}(?::{_HEXES}){{0,6}}::{_HEXES}(?::{_HEXES}){{0,6}}\b(?:%[a-z0-9]+)?", HERE),
        (rf"\b{_HEX}{{3,4}}(?::{_HEXES}){{0,6}}::([^\w:]|$)", f"{HERE}${{1}}"),
        (rf"(^|[^\w:])::{_HEXES}(?::{_HEXES}){{0,6}}\b", f"${{1}}{HERE}"),
        (rf"\b{_HEX}{{1,2}}(?::{_HEX}{{1,2}}){{5}}\b", HERE),
        # A version has as many numbers: a word before tells it.
        (
            (
                rf"(?i)\b({_VERSION}"
                r"\.?:? ?v?[0-9]+\.)"
            ),
            f"${{1}}{GLUE}",
        ),
        (
            r"(?i)\b([0-9]+\.)((?:[0-9]+\.){2}[0-9]+ (?:update|firmware|build|beta|version))",
            f"${{1}}{GLUE}${{2}}",
        ),
        (
            (
                rf"(?i)\b({_NETWORK_WORD}(?: (?:is|at|address|addr|on|to))*[ :=]+)"
                rf"{_OCTET}(?:\.{_OCTET}){{3}}{_PORT}"
            ),
            f"${{1}}{HERE}",
        ),
        (rf"\b{_LARGE}(?:\.{_OCTET}){{3}}{_PORT}", HERE),
        (rf"\b10\.0\.0\.{_OCTET}{_PORT}", HERE),
        (
            (
                rf"\b[12][0-9]\.(?:{_LARGE}\.{_OCTET}\.{_OCTET}|{_OCTET}\.{_LARGE}\.{_OCTET}"
                rf"|{_OCTET}\.{_OCTET}\.{_LARGE}){_PORT}"
            ),
            HERE,
        ),
        (
            (
                rf"\b[1-9]\.(?:{_LARGE}\.{_LARGE}\.{_OCTET}|{_LARGE}\.{_OCTET}\.{_LARGE}"
                rf"|{_OCTET}\.{_LARGE}\.{_LARGE}){_PORT}"
            ),
            HERE,
        ),
        (GLUE, ""),
    ),
    "from 192.0.2.44 and 2001:db8::44",
    "192.0.2.44",
    "One UI 6.1.1 at 10:30, version 1.2.3.4, firmware 10.1.22.30, then 11.0.2.2",
    hint=rf"[0-9]\.[0-9]+\.[0-9]+\.[0-9]|::|{_HEX}{{2}}[:-]{_HEX}{{2}}[:-]{_HEX}{{2}}[:-]"
    rf"|{_HEX}{{4}}\.{_HEX}{{4}}\.|(?::{_HEXES}){{5}}",
    words=("mac ", "mac:", "mac=", "addr", "bssid", "ether"),
)
