"""The watch over all other tests of this folder sees what it must see."""

from tests.browser.marks import STORY

pytestmark = STORY

BAD_PAGE = """<!doctype html><title>bad</title>
<body onclick="1"><script>document.title = "ran"</script>
<script src="/bad.js"></script><img src="https://elsewhere.example/pixel.png" alt="">"""


def test_nothing_of_a_bad_page_escapes_the_watch(visit, watch):
    policy = {"Content-Security-Policy": "default-src 'self'; img-src https:"}
    page = visit(None, "/account/login/")
    page.route("**/bad.html", lambda route: route.fulfill(body=BAD_PAGE, content_type="text/html", headers=policy))
    page.route("**/bad.js", lambda route: route.fulfill(body="nothing.here()", content_type="text/javascript"))

    page.goto("/bad.html")

    assert page.title() == "bad"
    found = "\n".join(watch.unexpected)
    assert "CSP: script-src-elem refused inline" in found
    assert "CSP: script-src-attr refused inline" in found
    assert "script: nothing is not defined" in found
    assert "console: Failed to load resource" in found
    assert "request to another host: https://elsewhere.example/pixel.png" in found
    watch.found.clear()
