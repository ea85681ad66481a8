from airtune.testing.compose_binary import MODULE, VERSION, module_file


def test_exclusions_and_replacements_of_compose_are_repeated() -> None:
    upstream = {
        "Go": "1.24.9",
        "Exclude": [{"Path": "example.org/a", "Version": "v1.0.0"}],
        "Replace": [
            {
                "Old": {"Path": "example.org/b"},
                "New": {"Path": "example.org/c", "Version": "v2.0.0"},
            }
        ],
    }
    assert module_file(upstream).splitlines()[1:] == [
        "go 1.24.9",
        f"require {MODULE} {VERSION}",
        "exclude example.org/a v1.0.0",
        "replace example.org/b => example.org/c v2.0.0",
    ]


def test_a_module_without_them_is_fine() -> None:
    assert "exclude" not in module_file({"Go": "1.24", "Exclude": None})
