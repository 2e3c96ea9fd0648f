"""The page of all components exists only where it is asked for."""

import pytest

pytestmark = pytest.mark.django_db


def test_without_the_setting_there_is_no_page(client, settings):
    assert settings.DESIGN_PAGE is False
    assert client.get("/design/").status_code == 404


def test_every_component_is_there_in_both_themes(client, settings):
    settings.DESIGN_PAGE = True
    page = client.get("/design/").content.decode()
    for state in ("operational", "degraded", "partial", "major", "maintenance", "unknown"):
        assert page.count(f'class="state state-{state} "') == 2
    for promise in ("on-time", "soon", "late", "kept", "ended"):
        assert page.count(f'class="promise promise-{promise}"') == 2
    assert (page.count('class="theme-light"'), page.count('class="theme-dark"')) == (1, 1)
