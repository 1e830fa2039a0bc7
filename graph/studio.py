"""The exported graphs: without a checkpointer, so that LangGraph's own server runs them."""

from __future__ import annotations

from core.settings import Settings
from graph.budget import compiled
from graph.services import Services
from graph.sources import OnDemand

budget = compiled(OnDemand(lambda: Services.open(Settings())))
