#!/bin/bash
# Entry point of the local MySQL stand-in. Takes what the official one takes:
#   arguments   `--flag ...` or `mysqld --flag ...` go to mysqld; anything else is run as it is
#   environment MYSQL_ALLOW_EMPTY_PASSWORD or MYSQL_ROOT_PASSWORD (one is needed on an empty data
#               directory), MYSQL_ROOT_HOST (default %), MYSQL_DATABASE, MYSQL_USER, MYSQL_PASSWORD
#               (all of them matter on the first start only)
# An empty data directory is filled from a template that was initialized when the image was built.
# Never: starts a temporary server, changes a data directory that is already filled, or stays in
# front of mysqld (it is replaced by it, so that a signal to the container reaches mysqld itself).
set -euo pipefail

readonly TEMPLATE=/usr/share/paytwice/mysql-template
readonly FIRST_START_SQL=/var/run/mysqld/first-start.sql
umask 027

main() {
    case "${1:-}" in '' | -*) set -- mysqld "$@" ;; esac
    if [ "$1" != mysqld ] || asks_for_help "$@"; then exec "$@"; fi

    local datadir
    datadir=$(datadir_of "$@")
    mkdir -p "$datadir"
    rm -f "$FIRST_START_SQL"
    if [ ! -d "$datadir/mysql" ]; then
        require_password_choice
        fill "$datadir" "$@"
        [ ! -s "$FIRST_START_SQL" ] || set -- "$@" --init-file="$FIRST_START_SQL"
    fi
    if [ "$(id -u)" = 0 ]; then
        find "$datadir" /var/run/mysqld \! -user mysql -exec chown mysql:mysql {} +
    fi
    exec "$@"
}

asks_for_help() {
    local arg
    for arg in "$@"; do
        case "$arg" in -'?' | -h | --help | -V | --version | --print-defaults) return 0 ;; esac
    done
    return 1
}

datadir_of() {
    local arg dir=/var/lib/mysql
    for arg in "$@"; do
        case "$arg" in --datadir=*) dir=${arg#--datadir=} ;; esac
    done
    printf '%s\n' "$dir"
}

require_password_choice() {
    if [ -z "${MYSQL_ALLOW_EMPTY_PASSWORD:-}" ] && [ -z "${MYSQL_ROOT_PASSWORD:-}" ]; then
        say "the data directory is empty and no password choice is given: set MYSQL_ROOT_PASSWORD, or MYSQL_ALLOW_EMPTY_PASSWORD=yes"
        exit 1
    fi
    if [ -n "$(ls -A /docker-entrypoint-initdb.d 2>/dev/null)" ]; then
        say "this stand-in runs no files of /docker-entrypoint-initdb.d: send them over a connection"
        exit 1
    fi
}

# The `mysql` folder, by which a filled directory is known, gets its name last: a copy that was
# interrupted is made again on the next start.
fill() {
    local datadir=$1
    shift
    if template_fits "$@"; then
        wants_no_more_than_the_template || first_start_sql >"$FIRST_START_SQL"
        cp -a --sparse=always "$TEMPLATE/." "$datadir/"
        mv "$datadir/mysql.new" "$datadir/mysql"
    else
        say "flags differ from the template: initializing the data directory"
        first_start_sql >"$FIRST_START_SQL"
        "$@" --initialize-insecure
    fi
}

# The template lets root in from every host without a password.
wants_no_more_than_the_template() {
    [ -z "${MYSQL_ROOT_PASSWORD:-}${MYSQL_DATABASE:-}${MYSQL_USER:-}" ] && [ "${MYSQL_ROOT_HOST-%}" = % ]
}

# Some settings are fixed when a data directory is initialized.
template_fits() {
    local arg
    for arg in "$@"; do
        case "${arg//_/-}" in
            --lower-case-table-names* | --innodb-page-size* | --innodb-data-file-path* | --innodb-checksum-algorithm* | \
                --innodb-data-home-dir* | --innodb-log-group-home-dir* | --innodb-undo-directory* | --no-defaults | \
                --defaults-file* | --defaults-extra-file*) return 1 ;;
        esac
    done
    [ -z "$(ls -A /etc/mysql/conf.d 2>/dev/null)" ]
}

# mysqld runs it before it lets anybody in.
first_start_sql() {
    local password host=${MYSQL_ROOT_HOST-%}
    password=$(quoted "${MYSQL_ROOT_PASSWORD:-}")
    echo "SET @@SESSION.SQL_LOG_BIN=0;"
    echo "ALTER USER 'root'@'localhost' IDENTIFIED BY $password;"
    echo "DROP USER IF EXISTS 'root'@'%';"
    if [ -n "$host" ] && [ "$host" != localhost ]; then
        echo "CREATE USER 'root'@$(quoted "$host") IDENTIFIED BY $password;"
        echo "GRANT ALL ON *.* TO 'root'@$(quoted "$host") WITH GRANT OPTION;"
    fi
    if [ -n "${MYSQL_DATABASE:-}" ]; then
        echo "CREATE DATABASE IF NOT EXISTS $(named "$MYSQL_DATABASE");"
    fi
    if [ -n "${MYSQL_USER:-}" ] && [ -n "${MYSQL_PASSWORD:-}" ]; then
        echo "CREATE USER $(quoted "$MYSQL_USER")@'%' IDENTIFIED BY $(quoted "$MYSQL_PASSWORD");"
        if [ -n "${MYSQL_DATABASE:-}" ]; then
            echo "GRANT ALL ON $(named "${MYSQL_DATABASE//_/\\_}").* TO $(quoted "$MYSQL_USER")@'%';"
        fi
    fi
}

quoted() {
    local text=${1//\\/\\\\}
    printf "'%s'" "${text//\'/\\\'}"
}

named() {
    printf '`%s`' "${1//\`/\`\`}"
}

say() {
    printf 'docker-entrypoint: %s\n' "$*" >&2
}

main "$@"
