"""The smallest tokenizer that genai-bench loads offline: one token a byte, in a few kilobytes."""

import json

_END = "<|end|>"
_KEPT = (*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100))
"""Bytes that stand for themselves in a byte-level vocabulary; the others get later characters."""


def tokenizer_files() -> dict[str, str]:
    """Files of a folder that ``AutoTokenizer.from_pretrained`` reads: name → text."""
    others = [byte for byte in range(0x100) if byte not in _KEPT]
    letters = [chr(byte) for byte in _KEPT] + [chr(0x100 + n) for n in range(len(others))]
    vocabulary = {letter: index for index, letter in enumerate(letters)}
    bytewise = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    end = {"id": len(vocabulary), "content": _END, "special": True, "normalized": False}
    end |= dict.fromkeys(("single_word", "lstrip", "rstrip"), False)
    whole = {
        "version": "1.0",
        "added_tokens": [end],
        "pre_tokenizer": bytewise | {"use_regex": False},
        "decoder": bytewise | {"use_regex": False},
        "model": {"type": "BPE", "vocab": vocabulary, "merges": []},
    }
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": _END,
        "model_max_length": 1_000_000,
        "clean_up_tokenization_spaces": False,
    }
    return {"tokenizer.json": json.dumps(whole), "tokenizer_config.json": json.dumps(config)}
