/* A disk whose fsync takes a second: LD_PRELOAD this. benchmarks/disk.py compiles it.
 *
 * Each call of fsync or fdatasync waits, in its own thread, and then does its work.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <time.h>

typedef int call(int);

static int later(const char *name, int fd) {
    call *real = (call *)dlsym(RTLD_NEXT, name);
    struct timespec left = {1, 0};
    while (nanosleep(&left, &left) == -1 && errno == EINTR) {
    }
    return real(fd);
}

int fsync(int fd) { return later("fsync", fd); }

int fdatasync(int fd) { return later("fdatasync", fd); }
