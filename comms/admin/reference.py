"""Finding by the number that people say on the telephone: INC-7."""

import re
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from customers.admin.base import ReadOnlyAdmin

REFERENCE = re.compile(r"\s*INC-(\d{1,9})\s*", re.IGNORECASE)


class ByReference(ReadOnlyAdmin):
    """A list that a whole reference narrows to its incident; anything else is searched as usual."""

    incident_key = "incident_id"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if found := REFERENCE.fullmatch(search_term):
            return queryset.filter(**{self.incident_key: int(found[1])}), False
        return super().get_search_results(request, queryset, search_term)
