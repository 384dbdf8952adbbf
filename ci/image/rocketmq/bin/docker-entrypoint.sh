#!/bin/sh
# Entry point of the local RocketMQ stand-in: runs the command it is given; `nameserver`, `broker`
# and NODE_ROLE are understood as in the official image.
# Never: stays in front of the command.
set -eu
case "${1:-${NODE_ROLE:-}}" in
    nameserver) [ $# = 0 ] || shift; exec sh mqnamesrv "$@" ;;
    broker) [ $# = 0 ] || shift; exec sh mqbroker "$@" ;;
    '') exec /bin/bash ;;
    *) exec "$@" ;;
esac
