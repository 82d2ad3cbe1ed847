"""Files of a domain folder, read strictly: an unknown key is a mistake."""

import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from market_opinion.core.errors import DomainInvalid


class Strict(BaseModel):
    """Model of text from outside; an unknown key is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)


M = TypeVar("M", bound=Strict)


def read_toml(path: Path, model: type[M]) -> M:
    """Return the content of a TOML file; raises DomainInvalid, which names file and rule."""
    try:
        return model.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        message = f"{path}: not TOML in UTF-8: {error}"
        raise DomainInvalid(message) from error
    except ValidationError as error:
        raise invalid(path, error) from error


def invalid(place: object, error: ValidationError) -> DomainInvalid:
    """Return the error of ours that says where the rules are broken, and which."""
    reasons = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
    return DomainInvalid(f"{place}: {reasons}")
