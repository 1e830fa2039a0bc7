"""The service's own settings: environment variables with the prefix BUDGETML_."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from platformdirs import user_data_path
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Read once at an edge (CLI, API, Studio export) and passed down; never a module global."""

    model_config = SettingsConfigDict(env_prefix="BUDGETML_", extra="ignore")

    home: Path = Field(default_factory=lambda: user_data_path("budgetml"))
    """Runs, data, interpreter environments and the database live here, outside the checkout."""
    sandbox: Literal["auto", "none"] = "auto"
    """`none` runs model-written code without isolation, if the next setting agrees."""
    allow_unsandboxed_code: str = ""
    """Must be exactly "i-understand" for `sandbox=none` to have an effect."""
    tasks_dir: Path | None = None
    """An extra folder of task folders, beside the built-in ones."""

    host: str = "127.0.0.1"
    """Where `budgetml serve` listens; beyond loopback only with a token."""
    port: int = Field(8000, ge=0, le=65_535)
    """Its port; 0 lets the system choose one."""
    max_concurrent_runs: int = Field(4, ge=1, le=1000)
    """Runs the service works on at once, each in a thread of its own."""
    max_queue: int = Field(100, ge=0)
    """Runs that may wait for a place; more are refused with 429."""
    max_body_bytes: int = Field(1_000_000, ge=1000)
    """Size of a request; larger ones are refused with 413."""
    drain_s: float = Field(5.0, gt=0, le=60)
    """Seconds the service waits for its runs to stop before it exits without them."""

    @property
    def database(self) -> Path:
        """The SQLite file with runs, events, calls and checkpoints."""
        return self.home / "budgetml.db"

    @property
    def runs_dir(self) -> Path:
        """One folder per run: workspace, history.git, artifacts."""
        return self.home / "runs"

    @property
    def data_dir(self) -> Path:
        """Prepared task data, one folder per task, shared by runs and read-only for them."""
        return self.home / "data"

    @property
    def envs_dir(self) -> Path:
        """Interpreter environments for scripts, one folder per lock-file hash."""
        return self.home / "envs"
