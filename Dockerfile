# syntax=docker/dockerfile:1
FROM python:3.12-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
WORKDIR /app
COPY requirements.lock ./
RUN /opt/venv/bin/pip install --require-hashes -r requirements.lock
COPY . .
# The wheel carries metadata and the `budgetml` script only; the code stays in /app.
RUN /opt/venv/bin/pip install --no-deps .

FROM python:3.12-slim
RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin budgetml \
    && install -d -o budgetml -g budgetml /data
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    BUDGETML_HOME=/data \
    LANGGRAPH_STRICT_MSGPACK=true \
    LANGGRAPH_CLI_NO_ANALYTICS=1 \
    LANGGRAPH_NO_VERSION_CHECK=true \
    LANGSMITH_TRACING=false
WORKDIR /app
USER budgetml
VOLUME /data
ENTRYPOINT ["budgetml"]
CMD ["--help"]
