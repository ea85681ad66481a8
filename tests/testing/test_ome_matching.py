"""Which runtimes the stand-in lets serve a model."""

import pytest

from airtune.testing.ome_matching import why_not

FORM = {
    "modelFormat": {"name": "safetensors", "version": "1.0.0"},
    "modelFramework": {"name": "transformers", "version": "4.45.0"},
}
RUNTIME = {"supportedModelFormats": [FORM], "modelSizeRange": {"min": "500M", "max": "2B"}}


def test_a_model_of_the_same_form_is_served():
    assert why_not(RUNTIME, FORM) == ""
    assert why_not(RUNTIME, FORM | {"modelParameterSize": "1.24B"}) == ""


def test_one_matching_form_of_several_is_enough():
    forms = [{"modelFormat": {"name": "gguf"}}, FORM]

    assert why_not({"supportedModelFormats": forms}, FORM) == ""


@pytest.mark.parametrize(
    ("model", "text"),
    [
        ({"modelFormat": {"name": "gguf", "version": "1.0.0"}}, "modelFormat"),
        ({"modelFormat": {"name": "safetensors"}}, "modelFormat"),
        ({"modelFramework": None}, "modelFramework"),
        ({"modelArchitecture": "LlamaForCausalLM"}, "modelArchitecture"),
        ({"quantization": "fp8"}, "quantization"),
        ({"modelParameterSize": "8B"}, "outside of 500M to 2B"),
    ],
)
def test_a_model_of_another_form_is_not(model, text):
    assert text in why_not(RUNTIME, FORM | model)


def test_a_disabled_runtime_and_one_without_forms_serve_nothing():
    assert "disabled" in why_not(RUNTIME | {"disabled": True}, FORM)
    assert "no model format" in why_not({}, FORM)
