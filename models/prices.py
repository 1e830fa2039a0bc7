"""What a token costs: our dated entries first, then the genai-prices package, never a guess."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from core.errors import ConfigurationError, InvalidFile
from core.money import FREE, Prices
from models.spec import parse_spec, priced_as

_BUILT_IN = Path(__file__).with_name("prices.yaml")
_PACKAGE_NAMES = {"google_genai": "google", "openai": "openai", "anthropic": "anthropic"}


def _quoted(value: object) -> object:
    if value is not None and not isinstance(value, str):
        raise ValueError('write the price in quotes, such as "0.10", so that it stays exact')
    return value


_Usd = Annotated[Decimal, BeforeValidator(_quoted), Field(ge=0, allow_inf_nan=False)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")
    model: str
    input: _Usd
    output: _Usd
    cache_read: _Usd | None = None
    cache_write: _Usd | None = None
    source: str
    as_of: str

    def prices(self) -> Prices:
        return Prices(self.input, self.output, self.cache_read, self.cache_write)


@dataclass(frozen=True, slots=True)
class PriceBook:
    """List prices by model; a model in neither source is an error, not 0 dollars."""

    entries: Mapping[str, Prices]
    hash: str
    """Identifies the book (our files and the package's version) in every line of the bill."""

    @classmethod
    def load(cls, path: Path | None = None) -> PriceBook:
        """The built-in entries, with those of a file of the same form put over them."""
        digest = hashlib.sha256(version("genai-prices").encode())
        entries: dict[str, Prices] = {}
        for source in (_BUILT_IN, path) if path else (_BUILT_IN,):
            text = _read(source)
            digest.update(text.encode())
            entries |= {e.model: e.prices() for e in _entries(source, text)}
        return cls(entries, digest.hexdigest()[:16])

    def prices(self, model: str) -> Prices:
        """List prices of "provider:name"; a local server is free unless an entry prices it.

        Rates that rise with the prompt's length (from 200,000 tokens on) are read at their base:
        no prompt of ours comes near. Raises ConfigurationError for a model without a price.
        """
        spec = priced_as(model)
        if spec in self.entries:
            return self.entries[spec]
        provider, name = parse_spec(spec)
        if provider == "local":
            return FREE
        return _from_package(provider, name)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidFile(f"the price file {path} cannot be read ({error}); check it") from error


def _entries(path: Path, text: str) -> Iterator[_Entry]:
    seen: set[str] = set()
    for line, row in _rows(path, text):
        try:
            entry = _Entry.model_validate(row)
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(str(part) for part in first["loc"]) or "entry"
            raise InvalidFile(f"{path}, line {line}, {field}: {first['msg']}") from error
        parse_spec(entry.model)
        if entry.model in seen:
            raise InvalidFile(f"{path}, line {line}: {entry.model} is priced twice; keep one entry")
        seen.add(entry.model)
        yield entry


def _rows(path: Path, text: str) -> list[tuple[int, Any]]:
    """The entries with the line each starts on."""
    loader = yaml.SafeLoader(text)
    try:
        root = loader.get_single_node()
        if not isinstance(root, yaml.SequenceNode):
            raise InvalidFile(f"{path}, line 1: write a list of entries that start with `- model:`")
        return [(n.start_mark.line + 1, loader.construct_object(n, deep=True)) for n in root.value]
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InvalidFile(f"{path}, line {line}: not YAML ({error.problem}); correct it") from error
    finally:
        loader.dispose()


def _from_package(provider: str, name: str) -> Prices:
    # Loading its data takes 0.15 s, which a replay need not pay.
    from genai_prices import Usage, calc_price  # noqa: PLC0415

    try:
        found = calc_price(
            Usage(input_tokens=1, output_tokens=1), name, provider_id=_PACKAGE_NAMES[provider]
        ).model_price
    except (LookupError, KeyError) as error:
        raise _unpriced(provider, name) from error
    rates = [
        _base(getattr(found, f"{kind}_mtok"))
        for kind in ("input", "output", "cache_read", "cache_write")
    ]
    if rates[0] is None or rates[1] is None:
        raise _unpriced(provider, name)
    return Prices(rates[0], rates[1], rates[2], rates[3])


def _base(rate: Any) -> Decimal | None:
    """A rate, or the first step of one that rises with the prompt's length."""
    return None if rate is None else Decimal(getattr(rate, "base", rate))


def _unpriced(provider: str, name: str) -> ConfigurationError:
    return ConfigurationError(
        f"no price is known for {provider}:{name}; add an entry (model, input, output, source, "
        "as_of) to models/prices.yaml, or choose a model that has one"
    )
