import pytest
from figure_samples import make_view


@pytest.fixture
def view():
    return make_view()
