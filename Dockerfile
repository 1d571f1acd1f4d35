# syntax=docker/dockerfile:1

# Millrace as one image, for every part: `millrace worker start`, `millrace cluster init`, `millrace job create`.
#
#   docker build -t millrace .
#
# Steps run in it as the processes of an ordinary user, with the Python of Debian; what else they ask for, uv installs
# for them. An image with CUDA, or with the software of a team, is made by giving another BASE: one of the Debian kind.

ARG BASE=debian:trixie-slim

FROM golang:1.26-trixie AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG VERSION=container
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 go build -buildvcs=false -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /millrace ./cmd/millrace

FROM ghcr.io/astral-sh/uv:0.13 AS uv

FROM ${BASE}
RUN apt-get update \
    && apt-get install --yes --no-install-recommends bash ca-certificates git python3 python3-venv tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home --home-dir /home/millrace --shell /bin/bash millrace \
    && install -d -o millrace -g millrace /var/lib/millrace
COPY --from=uv /uv /usr/local/bin/uv
COPY --from=build /millrace /usr/local/bin/millrace
USER millrace
WORKDIR /home/millrace
ENV MILLRACE_HOME=/var/lib/millrace
VOLUME /var/lib/millrace
# tini takes in the processes that steps leave behind, and hands on the signals by which a worker is told to stop.
ENTRYPOINT ["tini", "--", "millrace"]
CMD ["--help"]
