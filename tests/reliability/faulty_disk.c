/* Calls of the C library that change files, for LD_PRELOAD: the n-th one on a path of a given form kills the process
   or fails with an error number. What is written by Python, C++, Rust or SQLite alike passes here. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { OPEN = 1, WRITE = 2, RENAME = 4, REMOVE = 8, FOLDER = 16, SYNC = 32, SIZE = 64 };

static char form[4096];
static int kinds, deed, lasting, record = -1;
static long at, seen;

#define REAL(name) \
    static __typeof__(name) *real; \
    if (!real) \
    real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

/* From now on: count calls of these kinds on paths of this form (fnmatch); from call `number`, counted from 1, on
   (`lasts`) or at this call alone, act: 0 kills, another number is the errno of the failure. */
void fault_set(int which, const char *path, long number, int what, int lasts)
{
    snprintf(form, sizeof form, "%s", path);
    deed = what;
    lasting = lasts;
    at = number;
    seen = 0;
    kinds = which;
}

/* Every call that counts is written to a file from now on: its kind and its path. */
void fault_record(const char *path)
{
    REAL(open);
    record = real(path, O_WRONLY | O_CREAT | O_APPEND, 0644);
}

static void recorded(int kind, const char *path)
{
    char line[5000];
    REAL(write);
    int length = snprintf(line, sizeof line, "%d %s\n", kind, path);
    (void)!real(record, line, length);
}

static void die(int number)
{
    (void)number;
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

/* SIGPROF, which a timer of processor time sends, becomes SIGKILL. */
void fault_timer(void) { signal(SIGPROF, die); }

static void of_fd(int fd, char *into, size_t size)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, into, size - 1);
    into[length < 0 ? 0 : length] = 0;
}

static void of_path(int folder, const char *path, char *into, size_t size)
{
    char start[2048] = "";
    if (path[0] != '/') {
        if (folder == AT_FDCWD)
            (void)!getcwd(start, sizeof start - 1);
        else
            of_fd(folder, start, sizeof start);
    }
    snprintf(into, size, "%s%s%s", start, path[0] == '/' ? "" : "/", path);
}

/* Whether this call is to fail; a call that is to kill does not return unless `later`. */
static int strikes(int kind, const char *path)
{
    if (!(kinds & kind) || fnmatch(form, path, 0) != 0)
        return 0;
    if (record >= 0)
        recorded(kind, path);
    long number = __atomic_add_fetch(&seen, 1, __ATOMIC_SEQ_CST);
    return at > 0 && (number == at || (lasting && number > at));
}

static int fails(int kind, const char *path)
{
    if (!strikes(kind, path))
        return 0;
    if (deed == 0)
        die(0);
    errno = deed;
    return 1;
}

static int fails_at(int kind, int folder, const char *path)
{
    char whole[4096];
    struct stat found;
    if (!(kinds & kind))
        return 0;
    of_path(folder, path, whole, sizeof whole);
    /* What is absent cannot be removed, and a folder that is there cannot be made: that is said of any disk. */
    int there = lstat(whole, &found) == 0;
    if ((kind == REMOVE && !there) || (kind == FOLDER && there))
        return 0;
    return fails(kind, whole);
}

static int fails_fd(int kind, int fd)
{
    char path[4096];
    if (!(kinds & kind))
        return 0;
    of_fd(fd, path, sizeof path);
    return fails(kind, path);
}

static int writes_half(int fd)
{
    char path[4096];
    if (!(kinds & WRITE))
        return 0;
    of_fd(fd, path, sizeof path);
    return strikes(WRITE, path);
}

static void end_of_write(void)
{
    if (deed == 0)
        die(0);
    errno = deed;
}

/* Half of the bytes arrive. */
ssize_t write(int fd, const void *bytes, size_t count)
{
    REAL(write);
    if (!writes_half(fd))
        return real(fd, bytes, count);
    (void)!real(fd, bytes, count / 2);
    end_of_write();
    return -1;
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    REAL(writev);
    if (!writes_half(fd))
        return real(fd, parts, count);
    (void)!real(fd, parts, count / 2);
    end_of_write();
    return -1;
}

#define WRITE_AT(name) \
    ssize_t name(int fd, const void *bytes, size_t count, off_t place) \
    { \
        REAL(name); \
        if (!writes_half(fd)) \
            return real(fd, bytes, count, place); \
        (void)!real(fd, bytes, count / 2, place); \
        end_of_write(); \
        return -1; \
    }
WRITE_AT(pwrite)
WRITE_AT(pwrite64)

#define OPENED(name) \
    int name(const char *path, int flags, ...) \
    { \
        REAL(name); \
        va_list more; \
        va_start(more, flags); \
        int mode = va_arg(more, int); \
        va_end(more); \
        if ((flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)) && fails_at(OPEN, AT_FDCWD, path)) \
            return -1; \
        return real(path, flags, mode); \
    }
OPENED(open)
OPENED(open64)

#define OPENED_AT(name) \
    int name(int folder, const char *path, int flags, ...) \
    { \
        REAL(name); \
        va_list more; \
        va_start(more, flags); \
        int mode = va_arg(more, int); \
        va_end(more); \
        if ((flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)) && fails_at(OPEN, folder, path)) \
            return -1; \
        return real(folder, path, flags, mode); \
    }
OPENED_AT(openat)
OPENED_AT(openat64)

/* A stream of C or C++ opens and writes inside the C library; its opening is seen here. */
#define STREAM(name) \
    FILE *name(const char *path, const char *mode) \
    { \
        REAL(name); \
        if (strpbrk(mode, "wa+") && fails_at(OPEN, AT_FDCWD, path)) \
            return NULL; \
        return real(path, mode); \
    }
STREAM(fopen)
STREAM(fopen64)

int rename(const char *from, const char *to)
{
    REAL(rename);
    return fails_at(RENAME, AT_FDCWD, to) ? -1 : real(from, to);
}

int renameat(int folder, const char *from, int other, const char *to)
{
    REAL(renameat);
    return fails_at(RENAME, other, to) ? -1 : real(folder, from, other, to);
}

int unlink(const char *path)
{
    REAL(unlink);
    return fails_at(REMOVE, AT_FDCWD, path) ? -1 : real(path);
}

int unlinkat(int folder, const char *path, int flags)
{
    REAL(unlinkat);
    return fails_at(REMOVE, folder, path) ? -1 : real(folder, path, flags);
}

int rmdir(const char *path)
{
    REAL(rmdir);
    return fails_at(REMOVE, AT_FDCWD, path) ? -1 : real(path);
}

int mkdir(const char *path, mode_t mode)
{
    REAL(mkdir);
    return fails_at(FOLDER, AT_FDCWD, path) ? -1 : real(path, mode);
}

int fsync(int fd)
{
    REAL(fsync);
    return fails_fd(SYNC, fd) ? -1 : real(fd);
}

int fdatasync(int fd)
{
    REAL(fdatasync);
    return fails_fd(SYNC, fd) ? -1 : real(fd);
}

#define RESIZED(name) \
    int name(int fd, off_t size) \
    { \
        REAL(name); \
        return fails_fd(SIZE, fd) ? -1 : real(fd, size); \
    }
RESIZED(ftruncate)
RESIZED(ftruncate64)
