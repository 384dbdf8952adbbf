#!/bin/sh
# Starts one RocketMQ program: runjava.sh ROLE DEFAULT_HEAP CLASS [ARGUMENTS]. JAVA_OPT_EXT comes
# last among the options, so that it wins over every default, as in the official image.
# Never: stays in front of java (it is replaced by it, so that a signal reaches the JVM itself).
set -eu
role=$1 heap=$2 class=$3
shift 3

home=${ROCKETMQ_HOME:?}
opens="--add-opens=java.base/jdk.internal.ref=ALL-UNNAMED --add-opens=java.base/java.nio=ALL-UNNAMED
    --add-opens=java.base/java.util=ALL-UNNAMED --add-exports=java.base/sun.nio.ch=ALL-UNNAMED"
fast="-XX:TieredStopAtLevel=1 -XX:-OmitStackTraceInFastThrow -XX:+IgnoreUnrecognizedVMOptions"
# Making a certificate takes longer than all the rest of a start; nobody here speaks TLS to RocketMQ.
fast="$fast -Dtls.server.mode=disabled"

# Two collectors on one command line are an error of the JVM.
case "${JAVA_OPT_EXT:-}" in
    *-XX:+Use*GC*) ;;
    *) fast="$fast -XX:+UseSerialGC" ;;
esac
# A class archive made when the image was built; the JVM does without it where it does not fit.
if [ -f "$home/lib/$role.jsa" ]; then
    fast="$fast -Xshare:auto -XX:SharedArchiveFile=$home/lib/$role.jsa"
fi
if [ -f "$home/conf/rmq.$role.logback.xml" ]; then
    set -- "-Drmq.logback.configurationFile=$home/conf/rmq.$role.logback.xml" "$class" "$@"
else
    set -- "$class" "$@"
fi

# The class archive fits one class path only: the jars in the order of their names.
class_path=$(printf '%s:' "$home"/lib/*.jar)

# Options are words: no quotes here.
# shellcheck disable=SC2086
exec java -server $heap $opens $fast ${JAVA_OPT:-} ${JAVA_OPT_EXT:-} -cp "${class_path%:}" "$@"
