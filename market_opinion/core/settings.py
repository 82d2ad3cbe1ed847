"""Every value that differs between machines; the only reader of the environment."""

import contextlib
import functools
import logging
import os
import secrets
import stat
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import DotEnvSettingsSource

from market_opinion.core.errors import SettingsInvalid
from market_opinion.core.setting_groups import (
    AlertSettings,
    AwsSettings,
    FileSettings,
    InboxSettings,
    KafkaSettings,
    LakeSettings,
    LandingSettings,
    LlmSettings,
    MartSettings,
    MetricsSettings,
    ScoringSettings,
    SettingsGroup,
    SnowflakeSettings,
    StateSettings,
    UpkeepSettings,
)

_DOMAINS = Path(__file__).resolve().parents[2] / "domains"
GROUPS: dict[str, type[SettingsGroup]] = {
    "landing": LandingSettings,
    "lake": LakeSettings,
    "state": StateSettings,
    "mart": MartSettings,
    "snowflake": SnowflakeSettings,
    "aws": AwsSettings,
    "kafka": KafkaSettings,
    "files": FileSettings,
    "inbox": InboxSettings,
    "upkeep": UpkeepSettings,
    "scoring": ScoringSettings,
    "llm": LlmSettings,
    "metrics": MetricsSettings,
    "alerts": AlertSettings,
}
_PEPPER_MIN_CHARACTERS = 16
_OLD_NAMES = {"SNOWFLAKE_ROAD": "SNOWFLAKE_ACCESS"}
_log = logging.getLogger(__name__)
Group = TypeVar("Group", bound=SettingsGroup)


class Settings(SettingsGroup):
    """The settings of a run: shared values, and one group a part, as `settings.landing.root`."""

    environment: str = Field(
        "local", description="Name of this installation; part of every run record's key."
    )
    domains_path: Path = Field(
        _DOMAINS, description="Folder that holds one folder for each domain."
    )
    author_pepper: SecretStr | None = Field(
        None,
        min_length=_PEPPER_MIN_CHARACTERS,
        description=(
            "Secret that keys the author hashes; default: made once, kept in home/author_pepper."
        ),
    )
    max_hourly_windows_per_run: int = Field(
        1, ge=1, description="How many due hours one hourly run takes at most."
    )
    catch_up_windows_per_run: int = Field(
        4,
        ge=1,
        description=(
            "How many due hours one hourly run takes while it is behind, unless"
            " MAX_HOURLY_WINDOWS_PER_RUN is set."
        ),
    )
    reddit_close_lag_minutes: int = Field(
        15,
        ge=3,
        description=(
            "An hour of a live platform is closed this long after its end,"
            " when its late items are there."
        ),
    )
    scorer: str = Field(
        "local",
        description=(
            "What judges: local (a small model, no key), lexicon (rules), llm (a language model),"
            " or one that another package brings."
        ),
    )
    span_max_items: int = Field(
        100_000, ge=1, description="How many items the stages hold in memory at once, about."
    )

    @cached_property
    def landing(self) -> LandingSettings:
        """The landing zone."""
        return self.group(LandingSettings)

    @cached_property
    def lake(self) -> LakeSettings:
        """The lake."""
        return self.group(LakeSettings)

    @cached_property
    def state(self) -> StateSettings:
        """The state store."""
        return self.group(StateSettings)

    @cached_property
    def mart(self) -> MartSettings:
        """The star schema."""
        return self.group(MartSettings)

    @cached_property
    def snowflake(self) -> SnowflakeSettings:
        """Snowflake."""
        return self.group(SnowflakeSettings)

    @cached_property
    def aws(self) -> AwsSettings:
        """The account of the Glue catalog."""
        return self.group(AwsSettings)

    @cached_property
    def kafka(self) -> KafkaSettings:
        """The stream."""
        return self.group(KafkaSettings)

    @cached_property
    def files(self) -> FileSettings:
        """The limits of files."""
        return self.group(FileSettings)

    @cached_property
    def inbox(self) -> InboxSettings:
        """The inbox."""
        return self.group(InboxSettings)

    @cached_property
    def upkeep(self) -> UpkeepSettings:
        """Second looks and retention."""
        return self.group(UpkeepSettings)

    @cached_property
    def scoring(self) -> ScoringSettings:
        """The bars of all scorers, and the weights of the local one."""
        return self.group(ScoringSettings)

    @cached_property
    def llm(self) -> LlmSettings:
        """The model."""
        return self.group(LlmSettings)

    @cached_property
    def metrics(self) -> MetricsSettings:
        """The place that metrics go to."""
        return self.group(MetricsSettings)

    @cached_property
    def alerts(self) -> AlertSettings:
        """The places that alerts go to."""
        return self.group(AlertSettings)

    def group(self, kind: type[Group]) -> Group:
        """Return a further group, read from the same environment.

        Raises SettingsInvalid that names the variable.
        """
        return _read(kind)

    @property
    def windows_per_run(self) -> int:
        """The most due hours that one hourly run takes; without a backlog only one is due."""
        if "max_hourly_windows_per_run" in self.model_fields_set:
            return self.max_hourly_windows_per_run
        return self.catch_up_windows_per_run

    @property
    def report_path(self) -> Path:
        """File of the report."""
        return self.home / "report.html"

    def digest_path(self, domain: str, suffix: str) -> Path:
        """Return the file of a domain's digest, by its format."""
        return self.home / f"digest-{domain}.{suffix}"

    @property
    def close_lag(self) -> timedelta:
        """The time after its end at which an hour of a live platform is closed."""
        return timedelta(minutes=self.reddit_close_lag_minutes)

    def pepper(self) -> str:
        """Return the secret that keys author hashes.

        It is made on first use, in a file that its owner alone can read; of many processes that
        start at once one makes it, whole. Raises SettingsInvalid for a file that holds no secret.
        """
        if self.author_pepper is not None:
            return self.author_pepper.get_secret_value()
        path = self.home / "author_pepper"
        if not path.exists():
            own = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
            with os.fdopen(os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_hex(32))
            with contextlib.suppress(FileExistsError):
                path.hardlink_to(own)
            own.unlink()
        pepper = path.read_text()
        if len(pepper.strip()) < _PEPPER_MIN_CHARACTERS:
            message = (
                f"{path} holds no secret of {_PEPPER_MIN_CHARACTERS} characters or more: put the"
                " former one there, or remove the file if nothing was written with one yet"
            )
            raise SettingsInvalid(message)
        return pepper


def variables() -> set[str]:
    """Return the names of all variables that the platform itself reads."""
    return Settings.variables().union(*(group.variables() for group in GROUPS.values()))


def load_settings() -> Settings:
    """Return the settings of this process, and make the home folder, which is its owner's alone.

    So is whatever the process writes from then on. Raises SettingsInvalid that names the variable,
    or the folder that cannot be written.
    """
    dotenv = Path(".env")
    changed = dotenv.stat().st_mtime_ns if dotenv.exists() else 0
    settings = _settings(frozenset(os.environ.items()), Path.cwd(), changed)
    _make_home(settings.home)
    return settings


def read_domains_path() -> Path:
    """Return the folder of the domains; raise SettingsInvalid, but make no home folder."""
    return _read(Settings).domains_path


@functools.lru_cache(maxsize=2)
def _settings(_environment: frozenset[tuple[str, str]], _folder: Path, _changed: int) -> Settings:
    """Return the settings as they are now.

    They are read again only when their sources change, since reading takes 10 ms.
    """
    settings = _read(Settings)
    for name in GROUPS:
        getattr(settings, name)  # all are read at one time, and a mistake in any is named at once
    _notice_old_names()
    _check_home(settings.home)
    return settings


def _read(kind: type[Group]) -> Group:
    try:
        return kind()
    except ValidationError as error:
        names = {field: name for name, field in kind.field_names().items()}
        places = [(".".join(map(str, e["loc"])), e["msg"]) for e in error.errors()]
        reasons = "; ".join(f"{names.get(name, name.upper())}: {text}" for name, text in places)
        message = f"environment not usable: {reasons}"
        raise SettingsInvalid(message) from None


def _notice_old_names() -> None:
    """Log the variables that are read by an old name, in the environment or the `.env` file."""
    dotenv = DotEnvSettingsSource(SettingsGroup, env_file=".env").env_vars
    present = {name.upper() for name in (*os.environ, *dotenv)}
    for old, new in _OLD_NAMES.items():
        if old in present:
            _log.warning("%s is read as %s, its name now: rename it", old, new)


def _make_home(home: Path) -> None:
    """Make the home folder, or take the rights of others from it.

    A folder of another owner, and one that all users share as `/tmp`, stays as it is.
    """
    os.umask(stat.S_IRWXG | stat.S_IRWXO)
    home.mkdir(parents=True, exist_ok=True)
    if is_open_to_others(home) and not home.stat().st_mode & stat.S_ISVTX:
        with contextlib.suppress(PermissionError):
            home.chmod(stat.S_IRWXU)
            _log.warning("others could read %s: now its owner alone can", home)


def is_open_to_others(folder: Path) -> bool:
    """Return whether others than the owner have rights on a folder."""
    return bool(folder.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))


def _check_home(home: Path) -> None:
    try:
        _make_home(home)
        probe = home / f".probe-{secrets.token_hex(4)}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        message = (
            f"home folder {home} cannot be written ({error.strerror}):"
            " set MARKET_OPINION_HOME to one that can"
        )
        raise SettingsInvalid(message) from error
