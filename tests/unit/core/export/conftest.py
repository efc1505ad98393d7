import pytest
from export_sets import write_release, write_set
from figure_samples import make_view


@pytest.fixture
def view():
    return make_view()


@pytest.fixture(scope="session")
def release(tmp_path_factory):
    return write_release(tmp_path_factory.mktemp("release") / "untrained" / "1")


@pytest.fixture
def catalogue(tmp_path):
    return write_set(tmp_path / "set")
