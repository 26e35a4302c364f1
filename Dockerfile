# Deep Dect's page for a small server; what stands before it (a reverse proxy) does TLS. See README.md, "Host it".
FROM python:3.12-slim

RUN useradd --create-home deepdect
WORKDIR /app
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements.lock
COPY --chown=deepdect app.py LICENSE ./
COPY --chown=deepdect deepdect deepdect
COPY --chown=deepdect explain explain
COPY --chown=deepdect models models
USER deepdect
# 8-bit models run as they are; the others are built once on the first start and kept here
ENV DEEPDECT_CACHE=/home/deepdect/cache
EXPOSE 7860
HEALTHCHECK --interval=60s --start-period=60s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:7860/', timeout=10)"]
ENTRYPOINT ["python", "app.py", "--host", "0.0.0.0"]
