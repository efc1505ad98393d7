"""A small dataset on disk and an untrained release for it: the path is tested, not the answer."""

from datasets import CLASSES, make_dataset

from sier_gui.core.dataset.catalogue import open_dataset
from sier_gui.core.explain.attribution import ExplainRequest
from sier_gui.core.export.batch import BatchRequest
from sier_gui.core.export.view import FigureOptions
from sier_gui.core.nets.releases import open_release

ASKED = ExplainRequest(grid=2, segments=3)
SMALL = FigureOptions(85.0, dpi=40)


def write_release(folder):
    """Untrained, for the four classes."""
    import torch

    from sier_gui.core.nets.networks import NetworkConfig, build
    from sier_gui.core.nets.releases import write_release

    torch.manual_seed(0)
    config = NetworkConfig("parallelnet", CLASSES, width=0.0625)
    tables = {
        "release": {"schema": 1, "name": "untrained", "version": "1"},
        "network": config.to_table(),
        "front": {},
        "training": {},
    }
    write_release(folder, build(config), tables, "# untrained\n")
    return open_release(folder)


def write_set(folder, rows=6):
    return open_dataset(make_dataset(folder, rows=rows, seconds=0.5, image_size=(48, 40)))


def asking(*formats, options=SMALL, shared=True, explain=ASKED):
    return BatchRequest(explain, options, formats or ("png",), shared)
