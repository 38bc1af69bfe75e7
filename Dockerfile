# A static binary in an empty root. The last stage needs nothing but the binary and the certificates of public CAs, so that
# released images can be made from a binary built before; today the image is built from source.
FROM docker.io/library/rust:1.95-alpine AS build
RUN apk add --no-cache musl-dev ca-certificates
WORKDIR /src
COPY . .
RUN cargo build --release --locked && cp target/release/landwaiter /landwaiter && mkdir /empty

FROM scratch
LABEL org.opencontainers.image.title="landwaiter" \
      org.opencontainers.image.description="Writes container-image updates back to Git" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /landwaiter /landwaiter
# Caches of remote repositories go there when no state directory is given.
COPY --from=build --chown=65532:65532 /empty /tmp
# No user database is needed: numbers are enough, and this one is nobody's.
USER 65532:65532
ENTRYPOINT ["/landwaiter"]
