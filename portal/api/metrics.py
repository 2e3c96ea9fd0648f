"""`GET /metrics` in Prometheus' text format, for a key with the scope metrics:read."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils import translation
from django.utils.cache import add_never_cache_headers
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from comms.actions import figures, health, installation
from customers import clock


class MetricsView(APIView):
    """Everything is computed when it is asked for: several web processes need not agree on anything."""

    http_method_names = ["get", "head"]
    scope = "metrics:read"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with translation.override("en"):
            return super().dispatch(request, *args, **kwargs)

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[BaseRenderer, str]:
        """Prometheus accepts many types, none of them ours: the answer is the text format, a refusal is JSON."""
        return JSONRenderer(), "application/json"

    def get(self, request: Request) -> HttpResponse:
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Figures(clock.now()))
        answer = HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_PLAIN_0_0_4)
        add_never_cache_headers(answer)
        return answer


class _Figures(Collector):
    def __init__(self, now: datetime) -> None:
        self._now = now

    def describe(self) -> list[Metric]:
        return []  # else the registry would collect once more to learn the names

    def collect(self) -> Iterator[Metric]:
        yield from self._queues()
        yield from self._deliveries()
        yield self._lag()
        yield from self._signs()

    def _queues(self) -> Iterator[Metric]:
        age = GaugeMetricFamily(
            "twotrack_queue_age_seconds", "Since when the oldest unfinished delivery is due.", labels=["lane"]
        )
        for queue in health.queues(self._now):
            age.add_metric([queue.lane.value], (self._now - queue.oldest).total_seconds() if queue.oldest else 0)
        yield age

    def _deliveries(self) -> Iterator[Metric]:
        waiting = GaugeMetricFamily(
            "twotrack_deliveries_unfinished", "Deliveries that have not ended.", labels=["lane", "state"]
        )
        for labels, n in figures.unfinished(self._now).items():
            waiting.add_metric(labels, n)
        yield waiting
        ended = GaugeMetricFamily(
            "twotrack_deliveries_ended_last_hour",
            "Deliveries that ended in the last hour, by the receiver's reply code.",
            labels=["channel", "state", "code"],
        )
        for outcome, n in figures.ended(self._now).items():
            ended.add_metric(outcome, n)
        yield ended

    def _lag(self) -> Metric:
        lag = figures.lag(self._now)
        family = HistogramMetricFamily(
            "twotrack_lag_last_hour_seconds", "From publishing to acceptance, of what was accepted in the last hour."
        )
        buckets = [(str(float(bound)), n) for bound, n in zip(figures.LAG_BOUNDS, lag.counts, strict=True)]
        family.add_metric([], [*buckets, ("+Inf", lag.count)], lag.seconds)
        return family

    def _signs(self) -> Iterator[Metric]:
        promises = GaugeMetricFamily("twotrack_promises", "Promises by state.", labels=["state"])
        for state, n in figures.promises().items():
            promises.add_metric([state], n)
        yield promises
        beats = GaugeMetricFamily("twotrack_beat_age_seconds", "Since the last sign of life.", labels=["name"])
        for name, seconds in figures.beat_ages(self._now).items():
            beats.add_metric([name], seconds)
        yield beats
        yield GaugeMetricFamily("twotrack_held", "1 while nothing may be sent.", value=int(installation.is_held()))
