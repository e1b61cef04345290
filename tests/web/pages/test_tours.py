"""That the tours leave no page out."""

from tests.browser.tours import MONITOR_PAGES, NO_SCREENS, TOURS, pages_of
from tests.web.conftest import make_app


def test_every_page_of_the_product_is_on_a_tour():
    app = make_app("sqlite:////nonexistent/tours.sqlite3")
    toured = {page for tour in TOURS for page in tour.pages} | MONITOR_PAGES

    assert pages_of(app.url_map) == toured | NO_SCREENS.keys()
    assert not toured & NO_SCREENS.keys()
