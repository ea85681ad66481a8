"""The container image of an engine: default, tag, or a reference of the user's own."""

DEFAULT_TAG = "latest"


def image_reference(image: str | None, tag: str | None, default: str, default_tag: str) -> str:
    """A full reference, tag or digest included.

    Args:
        image: repository, with or without tag or digest; None takes ``default``.
        tag: the tag to use; None takes ``default_tag`` for ``default``, ``latest`` for others.

    Raises:
        ValueError: ``image`` already carries a tag or digest and ``tag`` names another one.
    """
    name = image or default
    repository, own_tag = _split(name)
    if own_tag and tag and tag != own_tag:
        raise ValueError(
            f"Image {name!r} already carries {own_tag!r} and the tag {tag!r} is given too; "
            "write one of them."
        )
    if own_tag:
        return name
    return f"{repository}:{tag or (default_tag if repository == default else DEFAULT_TAG)}"


def _split(name: str) -> tuple[str, str]:
    if "@" in name:
        repository, _, digest = name.partition("@")
        return repository, digest
    folder, slash, last = name.rpartition("/")
    # A colon before the last slash is a registry's port.
    repository, _, tag = last.partition(":")
    return folder + slash + repository, tag
