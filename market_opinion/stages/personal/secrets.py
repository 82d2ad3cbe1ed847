"""Passwords, codes, keys of services, and wallets: all that opens an account or a purse."""

from market_opinion.stages.personal.kind import HERE, NUMBER, Kind

_CUE = (
    r"(?:password|passwd|passphrase|passcode|pwd|passwort|kennwort|contraseña|mot de passe|senha)"
)
# A password has a digit; an ordinary word after "password:" is none.
_LONG = r"(?:[^\s,;0-9]{3,40}[0-9][^\s,;]{0,64}|[^\s,;0-9]{1,2}[0-9][^\s,;]{4,64})"
_KEY = (
    r"(?:sk-[A-Za-z0-9_-]{16,}|gh[opsur]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}"
    r"|glpat-[A-Za-z0-9_-]{16,}|xox[abeprs]-[A-Za-z0-9-]{10,}|(?:AKIA|ASIA)[A-Z0-9]{16}"
    r"|AIza[A-Za-z0-9_-]{30,}|eyJ[A-Za-z0-9_-]{10,}(?:\.[A-Za-z0-9_-]+){1,2}"
    r"|hf_[A-Za-z0-9]{20,}|[rs]k_(?:live|test)_[A-Za-z0-9]{10,})"
)

SECRET_KIND = Kind(
    "secret",
    NUMBER,
    r"(?i-u:\b(?:pass|pw)[:=]"
    r"|\bcv[cv]2?\b|\bpin(?: ?code)?(?: is| was|:|=) ?[0-9]|\bending (?:in |with )?[0-9]"
    rf"|\bbearer [a-z0-9]|\b0x[0-9a-f]{{40}})|(?i:{_CUE})"
    r"|(?-u:\b)(?:sk-|gh[opsur]_|github_pat_|glpat-|xox|AKIA|ASIA|AIza|eyJ|hf_|[rs]k_|bc1)"
    r"|(?i-u:\b(?:btc|bitcoin|wallet)\b)|-----BEGIN",
    (
        (rf"\b{_KEY}", HERE),
        (r"(?i)\b(bearer )[a-z0-9._~+/-]{16,}=*", f"${{1}}{HERE}"),
        (
            (
                rf"(?i)\b({_CUE}(?: (?:is|was|ist|es)|[:=]) ?)"
                rf"(?:{_LONG}|[^\s,;0-9]{{0,2}}[0-9][^\s,;]{{3,64}})"
            ),
            f"${{1}}{HERE}",
        ),
        (rf"(?i)\b((?:pass|pw)[:=] ?){_LONG}", f"${{1}}{HERE}"),
        (r"(?i)\b((?:sim )?pin(?: ?code)?(?: is| was|:|=) ?)[0-9]{4,8}\b", f"${{1}}{HERE}"),
        (r"(?i)\b(cv[cv]2?(?: (?:is|code|number))*[ :=]+)[0-9]{3,4}\b", f"${{1}}{HERE}"),
        (r"(?i)\b(card (?:number )?ending (?:in |with )?)[0-9]{4}\b", f"${{1}}{HERE}"),
        (r"(?i)\b0x[0-9a-f]{40}\b", HERE),
        (r"\bbc1[a-z0-9]{25,60}\b", HERE),
        (
            (
                r"(?i:\b((?:btc|bitcoin|wallet)(?: (?:address|is))*[ :=]+))"
                r"[13][1-9A-HJ-NP-Za-km-z]{25,34}\b"
            ),
            f"${{1}}{HERE}",
        ),
        (r"(?s)-----BEGIN [A-Z ]{3,40}-----.{0,8000}?-----END [A-Z ]{3,40}-----", HERE),
    ),
    "wifi password: Sample4Horse",
    "Sample4Horse",
    "password: none, pass 10 of 10, the pin is bent, error 0x80070005",
    words=(
        *(
            "password",
            "passwd",
            "passphrase",
            "passcode",
            "pwd",
            "passwort",
            "kennwort",
            "contrase",
        ),
        *("mot de passe", "senha", "pass:", "pass=", "pw:", "pw=", "-----"),
        *("cvv", "cvc", "pin ", "pin:", "pin=", "pincode", "ending ", "bearer ", "0x"),
        *("sk-", "gho_", "ghp_", "ghs_", "ghu_", "ghr_", "github_pat_", "glpat-", "xox", "akia"),
        *(
            "asia",
            "aiza",
            "eyj",
            "hf_",
            "rk_",
            "sk_",
            "bc1",
            "btc",
            "bitcoin",
            "wallet",
            "-----begin",
        ),
    ),
)
