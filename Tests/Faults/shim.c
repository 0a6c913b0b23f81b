// Preloaded into staded and its workers by the tests (LD_PRELOAD): counts the system calls that change
// files below a directory and, at the n-th, kills, stops, or makes the call fail; or logs them all, so
// that a loss of power can be replayed. Built by the tests: gcc -shared -fPIC -O1.
//
// Environment:
//   STADE_FAULT_STATE  a file of struct state, shared by all processes of a run
//   STADE_FAULT_ROOT   calls about files below this directory count; as realpath(3) gives it
//   STADE_FAULT_LOG    the log of operations, struct record; only with ACTION_RECORD
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { ACTION_COUNT, ACTION_KILL, ACTION_DOWN, ACTION_STOP, ACTION_ERROR, ACTION_RECORD };
enum {
    CLASS_OPEN = 1, CLASS_CREATE = 2, CLASS_WRITE = 4, CLASS_SYNC = 8, CLASS_RENAME = 16,
    CLASS_REMOVE = 32, CLASS_MKDIR = 64, CLASS_SIZE = 128, CLASS_CLOSE = 256,
};

// The tests read and write this by offset: FaultShim.swift.
struct state {
    _Atomic uint64_t count;   // calls so far
    uint64_t at;              // the call that is hit, from 1; 0: none
    uint32_t action;
    uint32_t classes;         // which calls count
    uint32_t error;           // errno of ACTION_ERROR
    _Atomic uint32_t sticky;  // as long as it is 1, every call from the n-th on fails
    _Atomic uint32_t top;     // the first process: the daemon
    _Atomic uint32_t lock;
    uint32_t no_watches;      // inotify_add_watch(2) fails with ENOSPC
    uint32_t mute_journal;    // sd_journal_sendv(3) never returns
    _Atomic uint32_t hits;
    _Atomic int32_t step;     // seconds by which CLOCK_REALTIME is off
};

// One operation that changed something, followed by its bytes.
struct record {
    uint32_t kind, flags;
    uint64_t inode, parent, other_parent, offset;
    uint32_t first, second;   // lengths of what follows: name or data, and a second name
};
enum {
    KIND_CREATE = 1, KIND_WRITE, KIND_SIZE, KIND_SYNC, KIND_RENAME, KIND_REMOVE,
};

static struct state *state;
static char root[PATH_MAX];
static size_t root_length;
static int log_descriptor = -1;
#define MAXIMUM 65536
static unsigned char tracked[MAXIMUM];

static long raw(long number, long a, long b, long c, long d, long e, long f) {
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}
#define RAW(number, a, b, c, d) \
    raw(number, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)

static long answer(long result) {
    if (result < 0 && result > -4096) {
        errno = (int)-result;
        return -1;
    }
    return result;
}

__attribute__((constructor)) static void start(void) {
    const char *file = getenv("STADE_FAULT_STATE"), *top = getenv("STADE_FAULT_ROOT");
    if (!file || !top) return;
    int descriptor = (int)RAW(SYS_openat, AT_FDCWD, file, O_RDWR | O_CLOEXEC, 0);
    if (descriptor < 0) return;
    void *address = mmap(0, sizeof *state, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    RAW(SYS_close, descriptor, 0, 0, 0);
    if (address == MAP_FAILED) return;
    snprintf(root, sizeof root, "%s", top);
    root_length = strlen(root);
    const char *name = getenv("STADE_FAULT_LOG");
    struct state *mapped = address;
    if (mapped->action == ACTION_RECORD && name)
        log_descriptor = (int)RAW(
            SYS_openat, AT_FDCWD, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    uint32_t none = 0;
    atomic_compare_exchange_strong(&mapped->top, &none, (uint32_t)getpid());
    state = mapped;
}

// Whether `path` as seen from `directory` lies below the root.
static int is_below(int directory, const char *path) {
    if (!state || !path) return 0;
    char full[PATH_MAX];
    if (path[0] == '/') return !strncmp(path, root, root_length) && path[root_length] == '/';
    char link[64];
    if (directory == AT_FDCWD) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", directory);
    long count = RAW(SYS_readlinkat, AT_FDCWD, link, full, sizeof full - 1);
    if (count <= 0) return 0;
    full[count] = 0;
    return !strncmp(full, root, root_length)
        && (full[root_length] == '/' || full[root_length] == 0);
}

static int is_tracked(int descriptor) {
    return state && descriptor >= 0 && descriptor < MAXIMUM && tracked[descriptor];
}

// Counts a call; the error that it is to fail with, or 0.
static int hit(uint32_t class) {
    if (!(state->classes & class)) return 0;
    uint64_t number = atomic_fetch_add(&state->count, 1) + 1;
    if (!state->at || number < state->at) return 0;
    if (number > state->at && !atomic_load(&state->sticky)) return 0;
    atomic_fetch_add(&state->hits, 1);
    switch (state->action) {
    case ACTION_DOWN:
        RAW(SYS_kill, atomic_load(&state->top), SIGKILL, 0, 0);
        // Fallthrough.
    case ACTION_KILL:
        RAW(SYS_kill, RAW(SYS_getpid, 0, 0, 0, 0), SIGKILL, 0, 0);
        return 0;
    case ACTION_STOP:
        // To this thread, which then goes no further; of a signal to the process another one may be
        // told, some time later.
        RAW(SYS_tgkill, RAW(SYS_getpid, 0, 0, 0, 0), RAW(SYS_gettid, 0, 0, 0, 0), SIGSTOP, 0);
        return 0;
    case ACTION_ERROR: return (int)state->error;
    default: return 0;
    }
}

// The log is in the order in which the operations took place.
static void lock(void) {
    if (log_descriptor < 0) return;
    for (;;) {
        uint32_t none = 0;
        if (atomic_compare_exchange_weak(&state->lock, &none, 1)) return;
        RAW(SYS_sched_yield, 0, 0, 0, 0);
    }
}
static void unlock(void) {
    if (log_descriptor >= 0) atomic_store(&state->lock, 0);
}

static void note(struct record record, const void *first, const void *second) {
    if (log_descriptor < 0) return;
    struct iovec parts[3] = {
        {&record, sizeof record}, {(void *)first, record.first}, {(void *)second, record.second},
    };
    RAW(SYS_writev, log_descriptor, parts, 3, 0);
}

// Status of a name, its links not followed; 0 as inode where there is none.
static struct stat look(int directory, const char *path) {
    struct stat status;
    if (RAW(SYS_newfstatat, directory, path, &status, AT_SYMLINK_NOFOLLOW) < 0)
        memset(&status, 0, sizeof status);
    return status;
}

static uint64_t parent_of(int directory, const char *path) {
    char copy[PATH_MAX];
    snprintf(copy, sizeof copy, "%s", path);
    char *slash = strrchr(copy, '/');
    if (!slash) {
        struct stat status;
        return RAW(SYS_newfstatat, directory, ".", &status, 0) < 0 ? 0 : status.st_ino;
    }
    *slash = 0;
    return look(directory, copy).st_ino;
}

static const char *base(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

// open(2), openat(2), and openat2(2) where there is `how`.
static long opening(int directory, const char *path, int flags, struct open_how *how,
                    unsigned mode) {
    if (!is_below(directory, path))
        return answer(how ? RAW(SYS_openat2, directory, path, how, sizeof *how)
                          : RAW(SYS_openat, directory, path, flags, mode));
    int error = hit(flags & O_CREAT ? CLASS_CREATE : CLASS_OPEN);
    if (error) {
        errno = error;
        return -1;
    }
    lock();
    uint64_t before = flags & O_CREAT ? look(directory, path).st_ino : 1;
    long result = how ? RAW(SYS_openat2, directory, path, how, sizeof *how)
                      : RAW(SYS_openat, directory, path, flags, mode);
    if (result >= 0 && result < MAXIMUM) {
        tracked[result] = !(flags & O_PATH);
        struct stat status;
        if (log_descriptor >= 0 && RAW(SYS_fstat, result, &status, 0, 0) == 0) {
            if (!before)
                note((struct record){KIND_CREATE, status.st_mode, status.st_ino,
                                     parent_of(directory, path), 0, 0, strlen(base(path)), 0},
                     base(path), "");
            else if (flags & O_TRUNC)
                note((struct record){KIND_SIZE, 0, status.st_ino, 0, 0, 0, 0, 0}, "", "");
        }
    }
    unlock();
    return answer(result);
}

#define MODE(flags)                                   \
    unsigned mode = 0;                                \
    if ((flags) & (O_CREAT | O_TMPFILE)) {            \
        va_list list;                                 \
        va_start(list, flags);                        \
        mode = va_arg(list, unsigned);                \
        va_end(list);                                 \
    }

int open(const char *path, int flags, ...) {
    MODE(flags)
    return (int)opening(AT_FDCWD, path, flags, 0, mode);
}
int open64(const char *path, int flags, ...) {
    MODE(flags)
    return (int)opening(AT_FDCWD, path, flags, 0, mode);
}
int openat(int directory, const char *path, int flags, ...) {
    MODE(flags)
    return (int)opening(directory, path, flags, 0, mode);
}
int openat64(int directory, const char *path, int flags, ...) {
    MODE(flags)
    return (int)opening(directory, path, flags, 0, mode);
}

int close(int descriptor) {
    if (is_tracked(descriptor)) {
        tracked[descriptor] = 0;
        int error = hit(CLASS_CLOSE);
        long result = RAW(SYS_close, descriptor, 0, 0, 0);
        if (error) {
            errno = error;
            return -1;
        }
        return (int)answer(result);
    }
    return (int)answer(RAW(SYS_close, descriptor, 0, 0, 0));
}

// closedir(3) closes the descriptor within the C library.
DIR *fdopendir(int descriptor) {
    static DIR *(*next)(int);
    if (!next) next = (DIR * (*)(int)) dlsym(RTLD_NEXT, "fdopendir");
    if (is_tracked(descriptor)) tracked[descriptor] = 0;
    return next(descriptor);
}

static ssize_t writing(int descriptor, const void *bytes, size_t count, off_t offset, int has) {
    int error = is_tracked(descriptor) ? hit(CLASS_WRITE) : 0;
    if (error) {
        errno = error;
        return -1;
    }
    int logs = is_tracked(descriptor) && log_descriptor >= 0;
    if (logs) lock();
    long result = has ? RAW(SYS_pwrite64, descriptor, bytes, count, offset)
                      : RAW(SYS_write, descriptor, bytes, count, 0);
    if (logs && result > 0) {
        struct stat status;
        if (!has) offset = RAW(SYS_lseek, descriptor, 0, SEEK_CUR, 0) - result;
        if (RAW(SYS_fstat, descriptor, &status, 0, 0) == 0)
            note((struct record){KIND_WRITE, 0, status.st_ino, 0, 0, (uint64_t)offset,
                                 (uint32_t)result, 0},
                 bytes, "");
    }
    if (logs) unlock();
    return answer(result);
}
ssize_t write(int descriptor, const void *bytes, size_t count) {
    return writing(descriptor, bytes, count, 0, 0);
}
ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t offset) {
    return writing(descriptor, bytes, count, offset, 1);
}
ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off_t offset) {
    return writing(descriptor, bytes, count, offset, 1);
}

static int syncing(int descriptor, long number) {
    int error = is_tracked(descriptor) ? hit(CLASS_SYNC) : 0;
    if (error) {
        errno = error;
        return -1;
    }
    int logs = is_tracked(descriptor) && log_descriptor >= 0;
    if (logs) lock();
    long result = RAW(number, descriptor, 0, 0, 0);
    struct stat status;
    if (logs && result == 0 && RAW(SYS_fstat, descriptor, &status, 0, 0) == 0)
        note((struct record){KIND_SYNC, 0, status.st_ino, 0, 0, 0, 0, 0}, "", "");
    if (logs) unlock();
    return (int)answer(result);
}
int fsync(int descriptor) { return syncing(descriptor, SYS_fsync); }
int fdatasync(int descriptor) { return syncing(descriptor, SYS_fdatasync); }

// The new size of an open file, which allocating may leave as it was.
static int sizing(int descriptor, long number, long a, long b, long c) {
    int error = is_tracked(descriptor) ? hit(CLASS_SIZE) : 0;
    if (error) {
        errno = error;
        return -1;
    }
    int logs = is_tracked(descriptor) && log_descriptor >= 0;
    if (logs) lock();
    long result = RAW(number, descriptor, a, b, c);
    struct stat status;
    if (logs && result == 0 && RAW(SYS_fstat, descriptor, &status, 0, 0) == 0)
        note((struct record){KIND_SIZE, 0, status.st_ino, 0, 0, (uint64_t)status.st_size, 0, 0},
             "", "");
    if (logs) unlock();
    return (int)answer(result);
}
int ftruncate(int descriptor, off_t size) {
    return sizing(descriptor, SYS_ftruncate, size, 0, 0);
}
int ftruncate64(int descriptor, off_t size) {
    return sizing(descriptor, SYS_ftruncate, size, 0, 0);
}
int posix_fallocate(int descriptor, off_t offset, off_t count) {
    return sizing(descriptor, SYS_fallocate, 0, offset, count) ? errno : 0;
}
int posix_fallocate64(int descriptor, off_t offset, off_t count) {
    return sizing(descriptor, SYS_fallocate, 0, offset, count) ? errno : 0;
}

static int renaming(int from, const char *old, int to, const char *new, unsigned flags) {
    int counts = is_below(from, old) || is_below(to, new);
    int error = counts ? hit(CLASS_RENAME) : 0;
    if (error) {
        errno = error;
        return -1;
    }
    int logs = counts && log_descriptor >= 0;
    if (logs) lock();
    uint64_t inode = logs ? look(from, old).st_ino : 0;
    long result = raw(SYS_renameat2, from, (long)old, to, (long)new, flags, 0);
    if (logs && result == 0)
        note((struct record){KIND_RENAME, flags, inode, parent_of(from, old), parent_of(to, new),
                             0, strlen(base(old)), strlen(base(new))},
             base(old), base(new));
    if (logs) unlock();
    return (int)answer(result);
}
int rename(const char *old, const char *new) {
    return renaming(AT_FDCWD, old, AT_FDCWD, new, 0);
}
int renameat(int from, const char *old, int to, const char *new) {
    return renaming(from, old, to, new, 0);
}

static int removing(int directory, const char *path, int flags) {
    int counts = is_below(directory, path);
    int error = counts ? hit(CLASS_REMOVE) : 0;
    if (error) {
        errno = error;
        return -1;
    }
    int logs = counts && log_descriptor >= 0;
    if (logs) lock();
    uint64_t inode = logs ? look(directory, path).st_ino : 0;
    long result = RAW(SYS_unlinkat, directory, path, flags, 0);
    if (logs && result == 0)
        note((struct record){KIND_REMOVE, 0, inode, parent_of(directory, path), 0, 0,
                             strlen(base(path)), 0},
             base(path), "");
    if (logs) unlock();
    return (int)answer(result);
}
int unlink(const char *path) { return removing(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return removing(AT_FDCWD, path, AT_REMOVEDIR); }
int unlinkat(int directory, const char *path, int flags) {
    return removing(directory, path, flags);
}

static int making(int directory, const char *path, mode_t mode) {
    int counts = is_below(directory, path);
    int error = counts ? hit(CLASS_MKDIR) : 0;
    if (error) {
        errno = error;
        return -1;
    }
    int logs = counts && log_descriptor >= 0;
    if (logs) lock();
    long result = RAW(SYS_mkdirat, directory, path, mode, 0);
    if (logs && result == 0) {
        struct stat status = look(directory, path);
        note((struct record){KIND_CREATE, status.st_mode, status.st_ino,
                             parent_of(directory, path), 0, 0, strlen(base(path)), 0},
             base(path), "");
    }
    if (logs) unlock();
    return (int)answer(result);
}
int mkdir(const char *path, mode_t mode) { return making(AT_FDCWD, path, mode); }
int mkdirat(int directory, const char *path, mode_t mode) {
    return making(directory, path, mode);
}

// The calls that stade makes by their numbers.
long syscall(long number, ...) {
    va_list list;
    va_start(list, number);
    long a[6];
    for (int i = 0; i < 6; i++) a[i] = va_arg(list, long);
    va_end(list);
    switch (number) {
    case SYS_renameat2:
        return renaming((int)a[0], (char *)a[1], (int)a[2], (char *)a[3], (unsigned)a[4]);
    case SYS_openat2: {
        struct open_how *how = (struct open_how *)a[2];
        return opening((int)a[0], (char *)a[1], (int)how->flags, how, 0);
    }
    case SYS_sync_file_range: {
        int error = is_tracked((int)a[0]) ? hit(CLASS_SYNC) : 0;
        if (error) {
            errno = error;
            return -1;
        }
    }
    }
    return answer(raw(number, a[0], a[1], a[2], a[3], a[4], a[5]));
}

int inotify_add_watch(int descriptor, const char *path, uint32_t mask) {
    if (state && state->no_watches) {
        errno = ENOSPC;
        return -1;
    }
    return (int)answer(RAW(SYS_inotify_add_watch, descriptor, path, mask, 0));
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    long result = RAW(SYS_clock_gettime, clock, time, 0, 0);
    if (state && result == 0 && clock == CLOCK_REALTIME) time->tv_sec += atomic_load(&state->step);
    return (int)answer(result);
}

// A journal that takes nothing any more: the sender hangs.
int sd_journal_sendv(const struct iovec *vectors, int count) {
    (void)vectors;
    (void)count;
    while (state && state->mute_journal) RAW(SYS_pause, 0, 0, 0, 0);
    return 0;
}
