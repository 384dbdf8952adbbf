#!/bin/sh
# Starts a name server and a broker once, asks them for something with the admin tool, and stops them;
# each leaves the archive of its classes in the lib folder. Runs inside the root of the image.
# Never: leaves a process behind.
set -eu
cd "$ROCKETMQ_HOME/bin"
here=127.0.0.1:9876

archived() { # archived ROLE COMMAND...
    role=$1
    shift
    JAVA_OPT_EXT="-XX:ArchiveClassesAtExit=$ROCKETMQ_HOME/lib/$role.jsa -Xlog:cds=off -Xlog:cds+dynamic=off" exec sh "$@"
}

printf 'brokerName=rehearsal\nbrokerIP1=127.0.0.1\ntimerWheelEnable=false\n' >/tmp/broker.conf
(archived namesrv mqnamesrv) &
namesrv=$!
(archived broker mqbroker -n "$here" -c /tmp/broker.conf) &
broker=$!
until sh mqadmin updateTopic -n "$here" -c DefaultCluster -t rehearsed-topic 2>/dev/null | grep -q success; do
    kill -0 "$broker"
    sleep 1
done
kill "$broker"
wait "$broker" || true
kill "$namesrv"
wait "$namesrv" || true
ls -l "$ROCKETMQ_HOME"/lib/*.jsa
[ -s "$ROCKETMQ_HOME/lib/broker.jsa" ] && [ -s "$ROCKETMQ_HOME/lib/namesrv.jsa" ]
