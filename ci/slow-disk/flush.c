/* A disk that takes its time, for benchmarks: whatever asks for what it wrote to be on the disk waits a millisecond longer,
 * as it does where the disk is not in the machine. Put in front of the C library (LD_PRELOAD) of a database or a broker.
 * Never: changes what is written, or makes anything durable that was not. */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void wait_for_the_disk(void) {
    struct timespec flush = {0, FLUSH_NS};
    nanosleep(&flush, 0);
}

int fsync(int fd) {
    wait_for_the_disk();
    return syscall(SYS_fsync, fd);
}

int fdatasync(int fd) {
    wait_for_the_disk();
    return syscall(SYS_fdatasync, fd);
}

int msync(void *at, size_t length, int flags) {
    wait_for_the_disk();
    return syscall(SYS_msync, at, length, flags);
}
