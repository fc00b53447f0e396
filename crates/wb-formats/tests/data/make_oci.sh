#!/bin/sh
# Writes one image as a layout of OCI, as archives of it, and as `docker save` would: `make_oci.sh FOLDER`. Versions stand in
# `written.toml`. Needs umoci and skopeo of Debian, no network and no daemon; says what skopeo and sha256sum make of the files.
set -e
out=$(realpath "$1")
work=$(mktemp -d)
cd "$work"
umoci init --layout layout
umoci new --image layout:model
umoci unpack --rootless --image layout:model bundle
mkdir bundle/rootfs/models
printf '0.1 0.2 0.3\n%.0s' 1 2 3 4 5 6 7 8 9 >bundle/rootfs/models/numbers.txt
touch -d 2026-01-01T00:00:00Z bundle/rootfs/models/numbers.txt bundle/rootfs/models bundle/rootfs
umoci repack --image layout:model --history.created 2026-01-01T00:00:00Z bundle
umoci config --image layout:model --created 2026-01-01T00:00:00Z --history.created 2026-01-01T00:00:00Z --author '' \
    --config.entrypoint /bin/sh --config.entrypoint -c --config.cmd 'echo hello' --config.env 'MODEL=/models' --config.label kind=model
umoci gc --layout layout
copy() { skopeo copy -q --insecure-policy "$@"; }
copy oci:layout:model oci-archive:layout.tar:model
copy --dest-compress-format zstd oci:layout:model oci-archive:zstd.tar:model
copy oci:layout:model docker-archive:docker.tar:weighbridge.example/model:1
copy --format v2s2 oci:layout:model dir:docker
skopeo inspect oci:layout:model
skopeo inspect docker-archive:docker.tar
(cd layout/blobs/sha256 && sha256sum ./*)
mkdir -p "$out"
cp -r layout layout.tar zstd.tar docker.tar "$out"
cp docker/manifest.json "$out/docker-schema-2.json"
tar xOf docker.tar manifest.json >"$out/docker-save.json"
rm -rf "$work"
