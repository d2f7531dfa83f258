# The image of jwtsunset: one static binary, run by a user without rights, in a file system without a shell.
#
#   docker run -p 9465:9465 -v jwtsunset:/data -v ./jwtsunset.yml:/etc/jwtsunset/jwtsunset.yml:ro \
#     --read-only --cap-drop ALL --security-opt no-new-privileges jwtsunset

FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=unknown
ARG REVISION=unknown
ARG BRANCH=unknown
ARG DATE=unknown
RUN make build BIN=/out/jwtsunset VERSION="$VERSION" REVISION="$REVISION" BRANCH="$BRANCH" DATE="$DATE"
RUN mkdir -m 0700 /out/data

# Certificates of public authorities and a user are in this image; the time zones are in the binary.
FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/jwtsunset /jwtsunset
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
WORKDIR /data
VOLUME /data
# Every command finds the configuration, the health check included. Inside a container the loop-back address reaches
# nobody; publish the port only where it should be read.
ENV JWTSUNSET_CONFIG=/etc/jwtsunset/jwtsunset.yml
ENV JWTSUNSET_LISTEN_METRICS=0.0.0.0:9465
EXPOSE 9465
HEALTHCHECK --interval=30s --timeout=5s --start-period=15s CMD ["/jwtsunset", "healthcheck"]
ENTRYPOINT ["/jwtsunset"]
CMD ["serve"]
