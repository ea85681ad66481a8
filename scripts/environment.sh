#!/bin/sh
# environment.sh FOLDER PYTHON UV-PIP-INSTALL-ARGUMENTS… — make one virtual environment from pins.
# An environment that was left half made is made again.
set -eu
cd "$(dirname "$0")/.."
folder=$1 python=$2
shift 2
uv=.venv-uv/bin/uv

echo "making $folder"
if [ ! -x "$folder/bin/python" ]; then
    rm -rf "$folder"
    "$uv" venv --quiet --python "$python" "$folder"
fi
"$uv" pip install --quiet --python "$folder/bin/python" "$@"
# Without its dependencies: what runs in the engine's and the client's environment needs none.
"$uv" pip install --quiet --python "$folder/bin/python" --no-deps --editable .
touch "$folder/.installed"
