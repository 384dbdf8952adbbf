# Shared by ci/images and the builds beside this file. Sourced, never run.
# Never: names a package host (the mirror is the one apt uses), or leaves a work folder behind.
# shellcheck shell=bash

readonly RECIPE_LABEL=paytwice.recipe

say() {
    printf '%s\n' "$*"
}

die() {
    printf 'ci: %s\n' "$*" >&2
    exit 1
}

image_exists() {
    docker image inspect "$1" >/dev/null 2>&1
}

# The recipe of an image is everything it is made from. An image of another recipe is stale.
recipe_of() {
    local name=$1
    (cd "$CI_DIR/image" && find lib.sh "$name" -type f | LC_ALL=C sort | xargs sha256sum | sha256sum | cut -c1-16)
}

recipe_is_current() {
    local tag=$1 name=$2
    [ "$(docker image inspect -f "{{index .Config.Labels \"$RECIPE_LABEL\"}}" "$tag" 2>/dev/null)" = "$(recipe_of "$name")" ]
}

# make_work_dir sets WORK, a folder that goes when the script ends, however it ends.
make_work_dir() {
    WORK=$(mktemp -d)
    trap drop_work_dir EXIT
    trap 'exit 130' INT TERM
}

drop_work_dir() {
    umount -l "$WORK"/root/{proc,sys} 2>/dev/null || true
    rm -rf --one-file-system "$WORK"
}

# Where apt gets Debian from, as its own sources say.
debian_mirror() {
    local mirror
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' 'Component: main' | head -n 1)
    [ -n "$mirror" ] || die "apt's sources name no Debian mirror: run apt-get update first"
    printf '%s\n' "$mirror"
}

# new_root SUITE ROOT [PACKAGE,...]: a minimal Debian, without manuals and translations.
new_root() {
    local suite=$1 root=$2 include=${3:-}
    mkdir -p "$root/etc/dpkg/dpkg.cfg.d" "$root/etc/apt/apt.conf.d" "$root/usr/sbin"
    printf '%s\n' force-unsafe-io 'path-exclude=/usr/share/man/*' 'path-exclude=/usr/share/locale/*' \
        'path-exclude=/usr/share/doc/*' >"$root/etc/dpkg/dpkg.cfg.d/lean"
    debootstrap --variant=minbase ${include:+--include="$include"} "$suite" "$root" "$(debian_mirror)" \
        >"$root.log" 2>&1 || { tail -n 20 "$root.log" >&2; die "debootstrap $suite failed"; }
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod +x "$root/usr/sbin/policy-rc.d"
}

# install_in ROOT PACKAGE...: apt inside the root, with the configuration of the apt outside.
install_in() {
    local root=$1
    shift
    cp -a /etc/apt/apt.conf.d/. "$root/etc/apt/apt.conf.d/"
    cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
    {
        chroot "$root" apt-get update
        chroot "$root" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
    } >>"$root.log" 2>&1 || { tail -n 20 "$root.log" >&2; die "apt-get install $* failed"; }
}

slim() {
    local root=$1
    rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/var/cache/debconf/*-old \
        "$root"/usr/share/{doc,man,locale,info,lintian} "$root"/var/log/* "$root"/tmp/* \
        "$root/etc/apt/apt.conf.d" "$root/etc/apt/sources.list" "$root"/etc/apt/sources.list.d/*
    : >"$root/etc/resolv.conf"
    : >"$root/etc/hosts"
}

# import_root ROOT TAG NAME CHANGE...: the root as an image, labelled with its recipe. The image that had
# the tag goes, unless a container still uses it.
import_root() {
    local root=$1 tag=$2 name=$3 changes=() change before
    before=$(docker image inspect -f '{{.Id}}' "$tag" 2>/dev/null || true)
    shift 3
    for change in "$@" "LABEL $RECIPE_LABEL=$(recipe_of "$name")"; do changes+=(--change "$change"); done
    tar -C "$root" --numeric-owner -c . | docker import "${changes[@]}" - "$tag" >/dev/null
    [ -z "$before" ] || docker rmi "$before" >/dev/null 2>&1 || true
}
