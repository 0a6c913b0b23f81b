// Linux calls that Glibc's Swift module leaves out, or that C declares with variable arguments.
#pragma once
// _GNU_SOURCE must stay undefined: structures would differ from those of Swift's Glibc module.
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/xattr.h>
#include <unistd.h>

// openat2(2): -1 with errno set on failure.
static inline int stade_openat2(int directory, const char *path, unsigned long long flags,
                                unsigned long long mode, unsigned long long resolve) {
    struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};
    return (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
}

// renameat2(2), which glibc hides behind _GNU_SOURCE: -1 with errno set on failure.
static inline int stade_renameat2(int from_directory, const char *from, int to_directory,
                                  const char *to, unsigned int flags) {
    return (int)syscall(SYS_renameat2, from_directory, from, to_directory, to, flags);
}

// open(2) with a mode, which C declares with variable arguments.
static inline int stade_open(const char *path, int flags, unsigned int mode) {
    return open(path, flags, mode);
}

// openat(2) with a mode, for the same reason.
static inline int stade_openat(int directory, const char *path, int flags, unsigned int mode) {
    return openat(directory, path, flags, mode);
}

// prctl(PR_SET_PDEATHSIG): the signal that this process gets when its parent dies.
static inline int stade_set_parent_death_signal(int signal) {
    return prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0);
}

// getxattr(2): whether systemd has delegated a control group.
static inline int stade_is_delegated(const char *path) {
    char value = 0;
    return (getxattr(path, "user.delegate", &value, 1) == 1
            || getxattr(path, "trusted.delegate", &value, 1) == 1) && value == '1';
}

// POSIX_SPAWN_SETSID of posix_spawn(3), which glibc hides behind _GNU_SOURCE.
static const short stade_spawn_setsid = 0x80;

// O_PATH, which glibc hides behind _GNU_SOURCE: names a file without opening it.
static const int stade_o_path = 010000000;

// sync_file_range(2): starts the write-back of a range, without metadata, and where `waits` awaits it.
// -1 with errno set on failure.
static inline int stade_write_back(int descriptor, long long offset, long long count, int waits) {
    return (int)syscall(SYS_sync_file_range, descriptor, offset, count, waits ? 1 | 2 | 4 : 2);
}

// memfd_create(2) with MFD_CLOEXEC: -1 with errno set on failure.
static inline int stade_memory_file(const char *name) {
    return (int)syscall(SYS_memfd_create, name, 1u);
}

// pipe2(2) with O_CLOEXEC, which glibc hides behind _GNU_SOURCE: -1 with errno set on failure.
static inline int stade_pipe(int ends[2]) {
    return (int)syscall(SYS_pipe2, ends, O_CLOEXEC);
}

// How many processors this process may run on, sched_getaffinity(2); 0 where that cannot be told.
// The kernel's mask is read as words, for glibc hides cpu_set_t behind _GNU_SOURCE.
static inline int stade_available_processors(void) {
    unsigned long mask[1024] = {0};
    long bytes = syscall(SYS_sched_getaffinity, 0, sizeof mask, mask);
    int count = 0;
    for (long i = 0; i < bytes / (long)sizeof mask[0]; i++) count += __builtin_popcountl(mask[i]);
    return count;
}

// MADV_COLD of Linux 5.4 and MADV_POPULATE_READ of Linux 5.14, which Debian 12's Glibc module does not
// show.
static const int stade_madv_cold = 20;
static const int stade_madv_populate_read = 22;

// Asks the processor to have a line of memory in its cache soon; never faults.
static inline void stade_prefetch(const void *address) { __builtin_prefetch(address); }

#if defined(__x86_64__)
#include <cpuid.h>

// Whether processor and system have what the programs are compiled for, x86-64-v3: AVX2, FMA, F16C,
// BMI1, BMI2 and, by XGETBV, a system that saves the vector registers. Intel's manual, CPUID.
static inline int stade_has_x86_64_v3(void) {
    unsigned int a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d)) return 0;
    const unsigned int first = 1u << 12 | 1u << 27 | 1u << 28 | 1u << 29;
    if ((c & first) != first) return 0;
    unsigned int low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    if ((low & 6) != 6) return 0;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 0;
    const unsigned int second = 1u << 3 | 1u << 5 | 1u << 8;
    return (b & second) == second;
}
#else
static inline int stade_has_x86_64_v3(void) { return 1; }
#endif

// Has this thread take subnormal operands for zero and make subnormal results zero, until the mode that
// is returned is set again: FTZ and DAZ of MXCSR, Intel's manual, volume 1, 10.2.3; FZ of FPCR.
static inline unsigned long long stade_flush_subnormals(void) {
#if defined(__x86_64__)
    unsigned int mode = __builtin_ia32_stmxcsr();
    __builtin_ia32_ldmxcsr(mode | 0x8040u);
    return mode;
#elif defined(__aarch64__)
    unsigned long long mode;
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
    __asm__ volatile("msr fpcr, %0" : : "r"(mode | 1ull << 24));
    return mode;
#else
    return 0;
#endif
}

static inline void stade_set_float_mode(unsigned long long mode) {
#if defined(__x86_64__)
    __builtin_ia32_ldmxcsr((unsigned int)mode);
#elif defined(__aarch64__)
    __asm__ volatile("msr fpcr, %0" : : "r"(mode));
#else
    (void)mode;
#endif
}

// mallopt(3): blocks of at least so many bytes are mapped by themselves; 0 on failure.
static inline int stade_set_mmap_threshold(int bytes) { return mallopt(M_MMAP_THRESHOLD, bytes); }

#if defined(__x86_64__)
#include <cpuid.h>
#endif

// Whether the processor is Intel's: CPUID leaf 0.
static inline int stade_is_intel(void) {
#if defined(__x86_64__)
    unsigned int eax, ebx, ecx, edx;
    return __get_cpuid(0, &eax, &ebx, &ecx, &edx) && ebx == 0x756e6547 && edx == 0x49656e69
        && ecx == 0x6c65746e; // "Genu" "ineI" "ntel"
#else
    return 0;
#endif
}

// landlock(7), whose header Debian 12's C library has in an older version.

// The version of the interface, -1 where there is none.
static inline int stade_landlock_version(void) {
    return (int)syscall(SYS_landlock_create_ruleset, NULL, 0, 1u);
}

// A descriptor for rules about these rights on files, and, from version 6 on, for keeping the process
// from signalling and connecting to others but its own: -1 with errno set on failure.
static inline int stade_landlock_create(unsigned long long rights, int version) {
    struct {
        unsigned long long files, network, scoped;
    } attributes = {rights, 0, version >= 6 ? 3 : 0};
    return (int)syscall(SYS_landlock_create_ruleset, &attributes,
                        version >= 6 ? 24 : version >= 4 ? 16 : 8, 0u);
}

static inline int stade_landlock_allow(int rules, int file, unsigned long long rights) {
    struct {
        unsigned long long rights;
        int file;
    } __attribute__((packed)) attributes = {rights, file};
    return (int)syscall(SYS_landlock_add_rule, rules, 1, &attributes, 0u);
}

// Also gives up ever gaining privileges, without which the kernel does not take the rules.
static inline int stade_landlock_restrict(int rules) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
    return (int)syscall(SYS_landlock_restrict_self, rules, 0u);
}
