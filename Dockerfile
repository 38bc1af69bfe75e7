# A static binary in an empty root: no shell, no libraries, nobody's password. Two ways lead to the same last stage:
#
#   docker build .                                    compiles the sources of this directory
#   docker build --build-arg BINARY=made DIRECTORY    takes what was made before: landwaiter, ca-certificates.crt and an empty
#                                                     directory `state`, which is how released images and tests/run make theirs
#
# Builders leave out the stage that is not asked for, so that the second way needs no base image and no network.
ARG BINARY=source

FROM docker.io/library/rust:1.95-alpine AS source
RUN apk add --no-cache musl-dev ca-certificates
WORKDIR /src
COPY . .
RUN cargo build --release --locked \
    && mkdir -p /made/state \
    && cp target/release/landwaiter /etc/ssl/certs/ca-certificates.crt /made/

FROM scratch AS made
COPY landwaiter ca-certificates.crt /made/
COPY state /made/state

FROM ${BINARY} AS binary

FROM scratch AS release
ARG VERSION
ARG REVISION
ARG SOURCE
LABEL org.opencontainers.image.title="landwaiter" \
      org.opencontainers.image.description="Writes container-image updates back to Git" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}"
# Public certificate authorities; those of one's own are named by `caFile` in the settings.
COPY --from=binary /made/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=binary /made/landwaiter /landwaiter
# The one place that is written to. It may be lost at any time.
COPY --from=binary --chown=65532:65532 /made/state /var/lib/landwaiter
# Machines that give huge pages to everybody would double the memory: see docs/dependencies.md.
ENV LANDWAITER_STATE_DIR=/var/lib/landwaiter MIMALLOC_ALLOW_THP=0
VOLUME /var/lib/landwaiter
# Operations, status page, webhooks. Each listens where the settings say.
EXPOSE 8080 8081 8082
# No user database is needed: numbers are enough, and this one is nobody's.
USER 65532:65532
# No HEALTHCHECK: there is no shell or client here to ask with. Orchestrators ask /healthz and /readyz at the operations' address.
ENTRYPOINT ["/landwaiter"]
