# The benchmark client in a container of its own, beside the server on its network.
#   docker build -f docker/genai-bench.Dockerfile -t airtune/genai-bench:0.0.5 .
# Up to the mark below this file and ./Dockerfile are the same, so that an engine builds (and keeps)
# the client's environment once.
ARG BASE_IMAGE=python:3.11-slim-bookworm
FROM ${BASE_IMAGE}

COPY docker/certificates/ /usr/local/share/ca-certificates/airtune/
RUN update-ca-certificates
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    REQUESTS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt \
    PIP_CERT=/etc/ssl/certs/ca-certificates.crt

COPY requirements-bench.txt /opt/airtune/
RUN python3 -m venv /opt/airtune/venv-bench \
    && /opt/airtune/venv-bench/bin/pip install --no-cache-dir --disable-pip-version-check \
        -r /opt/airtune/requirements-bench.txt
# --- the mark: what follows is this image's own ---

RUN useradd --uid 10001 --create-home bench
ENV PATH=/opt/airtune/venv-bench/bin:$PATH \
    ENABLE_UI=false \
    PYTHONUNBUFFERED=1 \
    PYTHONNOUSERSITE=1 \
    TOKENIZERS_PARALLELISM=false \
    HF_HUB_DISABLE_TELEMETRY=1 \
    TRANSFORMERS_VERBOSITY=error

LABEL org.airtune.genai-bench=0.0.5
USER bench
WORKDIR /home/bench
ENTRYPOINT ["genai-bench"]
