"""The program that fetches a model's weights, run inside of the engine's image.

It is handed over as text (``python3 -c``), so it uses ``huggingface_hub`` and the standard library
alone. The model is an argument; nothing is put into the text.
"""

NO_ACCESS, NOT_FOUND, NO_NETWORK, NO_LIBRARY, NO_SPACE = 10, 11, 12, 13, 14
"""Exit codes."""

PROGRAM = r"""
import errno, os, pathlib, sys, threading, time

def main(model):
    try:
        import huggingface_hub as hub
        from huggingface_hub.constants import HF_HUB_CACHE
    except ImportError as error:
        return 13, error
    try:
        siblings = hub.HfApi().model_info(model, files_metadata=True).siblings or []
        skipped = unwanted([s.rfilename for s in siblings])
        total = sum(s.size or 0 for s in siblings if not matches(s.rfilename, skipped))
        folder = pathlib.Path(HF_HUB_CACHE) / ("models--" + model.replace("/", "--")) / "blobs"
        threading.Thread(target=report, args=(folder, total), daemon=True).start()
        hub.snapshot_download(model, ignore_patterns=skipped)
    except Exception as error:
        return code_of(error), error
    return 0, f"complete, {total / 1e6:.0f} MB"

def unwanted(names):
    # Engines read safetensors where there are some; the other formats are the same weights again.
    if not any(name.endswith(".safetensors") for name in names):
        return []
    return ["*.bin", "*.pt", "*.pth", "*.gguf", "*.onnx", "*.msgpack", "*.h5", "*.ot", "original/*"]

def matches(name, patterns):
    import fnmatch
    return any(fnmatch.fnmatch(name, pattern) for pattern in patterns)

def report(folder, total):
    while True:
        time.sleep(3)
        here = sum(file.stat().st_size for file in folder.glob("*")) if folder.exists() else 0
        print(f"{here / 1e6:.0f} of {total / 1e6:.0f} MB", flush=True)

def code_of(error):
    chain, kinds, status = error, set(), None
    while chain is not None:
        kinds |= {kind.__name__ for kind in type(chain).__mro__}
        status = status or getattr(getattr(chain, "response", None), "status_code", None)
        if getattr(chain, "errno", None) == errno.ENOSPC:
            return 14
        chain = chain.__cause__ or chain.__context__
    if "GatedRepoError" in kinds or status in (401, 403):
        return 10
    if kinds & {"RepositoryNotFoundError", "RevisionNotFoundError", "HFValidationError"}:
        return 11
    return 11 if status == 404 else 12

code, text = main(sys.argv[1])
print(" ".join(str(text).split()), flush=True)
os._exit(code)
"""
