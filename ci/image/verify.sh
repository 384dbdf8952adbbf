# ci/images --verify: starts every image that is here as the harness starts it, asks it something, kills
# it, starts it again, asks once more, and prints how long each took. Sourced by ci/images.
# Never: publishes a port, makes a network, or leaves a container or volume behind.
# shellcheck shell=bash

readonly VERIFY_PREFIX=paytwice-verify-$$
readonly VERIFY_WAIT_S=90
readonly MYSQL_FLAGS=(--performance-schema=OFF --innodb-buffer-pool-size=64M --mysqlx=OFF --innodb-redo-log-capacity=33554432)
# Options that Java 8 (official image) and Java 17 (stand-in) both take.
readonly VERIFY_JAVA_OPTIONS="-Xms256m -Xmx512m -Xmn128m -XX:MaxDirectMemorySize=512m -XX:-AlwaysPreTouch -Dtls.server.mode=disabled"

verify_all() {
    local image seen=0
    trap verify_clean EXIT
    for image in "$MYSQL_IMAGE" "$MYSQL_LOCAL"; do
        if image_exists "$image"; then verify_mysql "$image" && seen=$((seen + 1)); fi
    done
    for image in "$ROCKETMQ_IMAGE" "$ROCKETMQ_LOCAL"; do
        if image_exists "$image"; then verify_rocketmq "$image" && seen=$((seen + 1)); fi
    done
    [ "$seen" -ge 2 ] || die "there is no image to verify: run ci/images first"
}

verify_mysql() {
    local image=$1 name=$VERIFY_PREFIX-mysql started
    started=$(now_ms)
    start "$name" --network none -e MYSQL_ALLOW_EMPTY_PASSWORD=yes -e MYSQL_DATABASE=verify "$image" "${MYSQL_FLAGS[@]}"
    await "$name" "mysql in $image" sql "$name" \
        'CREATE TABLE IF NOT EXISTS verify.t (a INT PRIMARY KEY); REPLACE INTO verify.t VALUES (7)'
    say "$image: first answered query after $(since "$started") ms"

    docker kill "$name" >/dev/null
    started=$(now_ms)
    docker start "$name" >/dev/null
    await "$name" "mysql in $image after a kill" sql "$name" 'SELECT a FROM verify.t'
    say "$image: killed and started again, answers with its data after $(since "$started") ms"
    docker rm -fv "$name" >/dev/null
}

# Over TCP, from the loopback of the container: root@% is who the services are.
sql() {
    docker exec "$1" mysql --protocol=TCP -h 127.0.0.1 -uroot -e "$2"
}

# Name server and broker share one network namespace that leads nowhere.
verify_rocketmq() {
    local image=$1 names=$VERIFY_PREFIX-namesrv broker=$VERIFY_PREFIX-broker started
    started=$(now_ms)
    start "$names" --network none --hostname verify --add-host verify:127.0.0.1 -e JAVA_OPT_EXT="$VERIFY_JAVA_OPTIONS" "$image" sh mqnamesrv
    start "$broker" --network "container:$names" -e JAVA_OPT_EXT="$VERIFY_JAVA_OPTIONS" "$image" sh -c \
        'printf "brokerName=verify\nbrokerIP1=127.0.0.1\ntimerWheelEnable=false\n" >/tmp/broker.conf; exec sh mqbroker -n 127.0.0.1:9876 -c /tmp/broker.conf'
    await "$broker" "the broker in $image" listens "$broker" 10911
    say "$image: name server and broker listen after $(since "$started") ms"
    await "$broker" "the broker's registration in $image" registered "$broker"
    say "$image: the broker is registered after $(since "$started") ms (the asking included)"

    docker kill "$broker" >/dev/null
    started=$(now_ms)
    docker start "$broker" >/dev/null
    await "$broker" "the broker in $image after a kill" listens "$broker" 10911
    say "$image: broker killed and started again, listens after $(since "$started") ms"
    docker rm -fv "$broker" "$names" >/dev/null
}

listens() {
    docker exec "$1" bash -c "exec 3<>/dev/tcp/127.0.0.1/$2"
}

registered() {
    docker exec "$1" sh mqadmin clusterList -n 127.0.0.1:9876 2>/dev/null | grep -q ' verify '
}

start() {
    local name=$1
    shift
    docker run -d --name "$name" --label paytwice.verify="$$" "$@" >/dev/null
}

await() {
    local name=$1 what=$2 deadline=$((SECONDS + VERIFY_WAIT_S))
    shift 2
    until "$@" >/dev/null 2>&1; do
        if [ "$SECONDS" -ge "$deadline" ] || [ "$(docker inspect -f '{{.State.Running}}' "$name")" != true ]; then
            docker logs --tail 20 "$name" >&2
            die "$what does not answer (the last lines of its log are above)"
        fi
        sleep 0.05
    done
}

now_ms() {
    date +%s%3N
}

since() {
    echo $(($(now_ms) - $1))
}

verify_clean() {
    docker ps -aq --filter "label=paytwice.verify=$$" | xargs -r docker rm -fv >/dev/null
}
