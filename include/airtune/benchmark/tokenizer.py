"""A tokenizer folder made from the vocabulary inside a GGUF file, so that no hub is needed.

Run in the client's environment: ``python -m airtune.benchmark.tokenizer GGUF FOLDER``.
"""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

_STAMP = "airtune_source.json"
_SPECIAL = {3, 4}  # GGUF token types: control, user defined


class TokenizerError(ValueError):
    """The GGUF's vocabulary cannot be turned into a tokenizer; the text says what to do."""


def make_tokenizer(gguf: Path, folder: Path) -> bool:
    """Write a folder that ``AutoTokenizer.from_pretrained`` loads offline.

    Returns:
        False when the folder was already made from this very file.

    Raises:
        TokenizerError: the file is missing, or of a vocabulary kind that is not supported.
    """
    if not gguf.is_file():
        raise TokenizerError(f"{gguf} does not exist; give the path of a GGUF file.")
    stat = gguf.stat()
    stamp = json.dumps({"file": gguf.name, "bytes": stat.st_size, "modified_ns": stat.st_mtime_ns})
    if (folder / _STAMP).is_file() and (folder / _STAMP).read_text() == stamp:
        return False
    fields = _fields(gguf)
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Made aside and moved, so that a client never loads half a tokenizer.
    draft = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        _tokenizer(fields, gguf).save(str(draft / "tokenizer.json"))
        (draft / "tokenizer_config.json").write_text(json.dumps(_config(fields), indent=2))
        (draft / _STAMP).write_text(stamp)
        draft.chmod(0o755)
        shutil.rmtree(folder, ignore_errors=True)
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return True


def _fields(gguf: Path) -> dict[str, Any]:
    from gguf import GGUFReader

    try:
        reader = GGUFReader(str(gguf))
    except ValueError as error:
        raise TokenizerError(f"{gguf} is no GGUF file ({error}).") from None
    wanted = ("tokenizer.", "llama.context_length")
    return {
        name: field.contents() for name, field in reader.fields.items() if name.startswith(wanted)
    }


def _tokenizer(fields: dict[str, Any], gguf: Path) -> Any:
    from tokenizers import AddedToken, Tokenizer, decoders, models

    kind = fields.get("tokenizer.ggml.model")
    if kind != "gpt2":
        raise TokenizerError(
            f"{gguf.name} has a {kind!r} vocabulary and only byte-level BPE ('gpt2') can be "
            "turned into a tokenizer; set benchmark.model_tokenizer to a Hugging Face id or folder."
        )
    tokens: list[str] = fields["tokenizer.ggml.tokens"]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    merges = [tuple(merge.split(" ", 1)) for merge in fields["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = _pre_tokenizer(fields.get("tokenizer.ggml.pre", "default"), gguf)
    tokenizer.decoder = decoders.ByteLevel()
    types = fields.get("tokenizer.ggml.token_type", [])
    special = [token for token, kind in zip(tokens, types, strict=False) if kind in _SPECIAL]
    tokenizer.add_special_tokens([AddedToken(token, normalized=False) for token in special])
    return tokenizer


def _pre_tokenizer(name: str, gguf: Path) -> Any:
    from tokenizers import pre_tokenizers

    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    if name in {"gpt-2", "gpt2", "default"}:
        return byte_level
    if name == "smollm":  # every digit is a token of its own
        digits = pre_tokenizers.Digits(individual_digits=True)
        return pre_tokenizers.Sequence([digits, byte_level])
    raise TokenizerError(
        f"{gguf.name} splits texts the {name!r} way, which is not known here; set "
        "benchmark.model_tokenizer to a Hugging Face id or folder."
    )


def _config(fields: dict[str, Any]) -> dict[str, Any]:
    tokens = fields["tokenizer.ggml.tokens"]
    config: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        "model_max_length": fields.get("llama.context_length", 8192),
        "chat_template": fields.get("tokenizer.chat_template"),
    }
    for role, key in (("bos", "bos"), ("eos", "eos"), ("unk", "unknown"), ("pad", "padding")):
        index = fields.get(f"tokenizer.ggml.{key}_token_id")
        if index is not None:
            config[f"{role}_token"] = tokens[index]
    return config


def main(words: list[str] | None = None) -> int:
    """Make the folder; prints one line, returns 0, or 2 when it cannot be made."""
    parser = argparse.ArgumentParser(description="Make a tokenizer folder from a GGUF file.")
    parser.add_argument("gguf", type=Path)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args(words)
    try:
        made = make_tokenizer(options.gguf, options.folder)
    except TokenizerError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{options.folder}: {'made' if made else 'already made'} from {options.gguf.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
