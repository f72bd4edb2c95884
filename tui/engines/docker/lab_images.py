"""The images of a lab's containers: there already, or pulled, and never without saying so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tui.core.labs import Lab
from tui.engines.base import EngineError, clean

if TYPE_CHECKING:
    import docker

INSTEAD = "With no image at all: --engine kernel. With one that is there: --image NAME or ROUTETUI_LAB_IMAGE."


def provide(api: docker.APIClient, lab: Lab, images: Mapping[str, str], say: Callable[[str], None]) -> None:
    """Have every image on the engine; `images` are by container. Raises EngineError, which offers the kernel."""
    from docker.errors import ImageNotFound

    for service in lab.services:
        if not images[service.name]:
            raise EngineError(f"The service {service.key} names no image.", INSTEAD)
    for image in dict.fromkeys(images[each.name] for each in lab.services):
        try:
            api.inspect_image(image)  # type: ignore[no-untyped-call]  # the SDK's stubs miss it
        except ImageNotFound:
            pull(api, image, say)


def pull(api: docker.APIClient, image: str, say: Callable[[str], None]) -> None:
    """Fetch an image from its registry, telling how far it is; raises EngineError where it cannot be had."""
    from docker.errors import APIError
    from requests import RequestException

    say(f"the image {image} is not on this engine: pulling it")
    progress = _Progress(say)
    try:
        for event in api.pull(image, stream=True, decode=True):
            if "error" in event:
                raise _not_to_be_had(image, str(event["error"]))
            progress.tell(event)
    except APIError as error:
        raise _not_to_be_had(image, str(error.explanation or error)) from None
    except RequestException as error:
        raise _not_to_be_had(image, str(error)) from None


def _not_to_be_had(image: str, why: str) -> EngineError:
    reason = " ".join(clean(why).split()).rstrip(".")
    return EngineError(f"The image {image} cannot be pulled: {reason}.", INSTEAD)


class _Progress:
    """Says how much of an image has come, at every tenth of it."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._layers: dict[str, tuple[int, int]] = {}
        self._tenth = 0

    def tell(self, event: Mapping[str, Any]) -> None:
        """Take in one event of the engine's stream."""
        detail = event.get("progressDetail") or {}
        if event.get("status") != "Downloading" or not detail.get("total"):
            return
        self._layers[str(event.get("id"))] = (int(detail.get("current") or 0), int(detail["total"]))
        done, all_of_it = (sum(each) for each in zip(*self._layers.values(), strict=True))
        tenth = 10 * done // all_of_it
        if tenth > self._tenth:
            self._tenth = tenth
            self._say(f"  {done / 1e6:.0f} of {all_of_it / 1e6:.0f} MB")
