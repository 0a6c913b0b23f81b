// What a hostile member does faster than a shell can: floods, races, lists of access, deep trees. For
// Tests/Attacks/run, which compiles it.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static void pause_for(double seconds) {
    struct timespec time = {(time_t)seconds, (long)((seconds - (time_t)seconds) * 1e9)};
    nanosleep(&time, NULL);
}

static int rename2(const char *from, const char *to, unsigned flags) {
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags);
}

static int put(const char *path, const char *bytes, size_t count) {
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (file < 0) return -1;
    ssize_t written = count ? write(file, bytes, count) : 0;
    close(file);
    return written == (ssize_t)count ? 0 : -1;
}

// drop NAME: standard input becomes a manifest of that name, by a rename.
static void drop(const char *name) {
    static char bytes[1 << 21];
    size_t count = fread(bytes, 1, sizeof bytes, stdin);
    char draft[300];
    snprintf(draft, sizeof draft, ".d%d-%.200s", getpid(), name);
    if (put(draft, bytes, count) || rename(draft, name)) fail(name);
}

// probe STEM STOP: until the file STOP is there, a manifest three times a second; prints the longest time that
// one lay in the inbox, in milliseconds.
static void probe(const char *stem, const char *stop) {
    double worst = 0;
    char draft[300], name[300];
    for (int number = 0; number == 0 || access(stop, F_OK); number++) {
        snprintf(draft, sizeof draft, ".%s", stem);
        snprintf(name, sizeof name, "%s-%d.yaml", stem, number);
        if (put(draft, "x\n", 2) || rename(draft, name)) fail(name);
        double begin = now(), took = 0;
        while (!access(name, F_OK) && took < 60) {
            pause_for(0.005);
            took = now() - begin;
        }
        if (took > worst) worst = took;
        pause_for(0.3);
    }
    printf("%.0f\n", worst * 1000);
}

// flood FORMAT COUNT [TEXT]: so many files, e.g. '.request-cancel-zz%08d'; those with a text come by a rename.
static void flood(const char *format, long count, const char *text) {
    char name[300];
    for (long i = 0; i < count; i++) {
        snprintf(name, sizeof name, format, (int)i);
        if (text ? put(".flood", text, strlen(text)) || rename(".flood", name) : put(name, "", 0)) {
            if (errno == ENOSPC || errno == EDQUOT) return;
            fail(name);
        }
    }
}

// churn SECONDS: names come, change, move and go as fast as they can.
static void churn(double seconds) {
    for (double end = now() + seconds; now() < end;) {
        for (int i = 0; i < 200; i++) {
            char a[40], b[40];
            snprintf(a, sizeof a, "churn-%d.yaml", i);
            snprintf(b, sizeof b, ".churn-%d", i);
            put(b, "y", 1);
            rename(b, a);
            put(a, "z", 1);
            rename(a, b);
            chmod(b, 0600 + i % 8);
            unlink(b);
        }
    }
}

// deep COUNT, wide COUNT: below the current directory.
static void deep(long count) {
    for (long i = 0; i < count; i++)
        if ((mkdir("a", 0777) && errno != EEXIST) || chdir("a")) fail("deep");
}

// swap DIRECTORY STOP KIND: whatever the daemon builds there is renamed away, and something else of that name is
// in its place: a directory, a link, a FIFO, a file or nothing. Prints how often.
static void swap(const char *directory, const char *stop, const char *kind) {
    long count = 0;
    if (chdir(directory)) fail(directory);
    while (access(stop, F_OK)) {
        DIR *list = opendir(".");
        for (struct dirent *entry; list && (entry = readdir(list));) {
            const char *name = entry->d_name;
            struct stat status;
            if (strncmp(name, ".stade", 6) || lstat(name, &status) || status.st_uid == getuid()) continue;
            char away[300];
            snprintf(away, sizeof away, ".away-%ld", count);
            if (rename(name, away)) continue;
            count++;
            if (!strcmp(kind, "directory")) mkdir(name, 0777), chmod(name, 02777);
            if (!strncmp(kind, "/", 1)) symlink(kind, name);
            if (!strcmp(kind, "fifo")) mkfifo(name, 0666);
            if (!strcmp(kind, "file")) put(name, "mine", 4);
        }
        if (list) closedir(list);
    }
    printf("%ld\n", count);
}

// exchange A B STOP: both names change places all the time.
static void exchange(const char *a, const char *b, const char *stop) {
    long count = 0;
    while (count % 64 || access(stop, F_OK)) {
        if (rename2(a, b, 2)) {
            // Where one is away, the other may be put there.
            if (rename2(a, b, 1)) rename2(b, a, 1);
        }
        count++;
    }
}

// steal DIRECTORY STOP NAME..: files of others below the directory are moved into the current one, the inbox,
// under these names in turn, and linked there. Prints how many came.
static void steal(const char *directory, const char *stop, int names, char **name) {
    long count = 0;
    while (access(stop, F_OK)) {
        DIR *outer = opendir(directory);
        for (struct dirent *entry; outer && (entry = readdir(outer));) {
            char path[4096], inner[4096];
            snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
            DIR *list = strcmp(entry->d_name, "..") ? opendir(path) : NULL;
            for (struct dirent *file; list && (file = readdir(list));) {
                struct stat status;
                if (snprintf(inner, sizeof inner, "%s/%s", path, file->d_name) >= (int)sizeof inner ||
                    lstat(inner, &status) || !S_ISREG(status.st_mode) || status.st_uid == getuid())
                    continue;
                const char *into = name[count % names];
                if (!link(inner, into)) count++;
                if (!rename(inner, into)) count++;
            }
            if (list) closedir(list);
        }
        if (outer) closedir(outer);
        pause_for(0.001);
    }
    printf("%ld\n", count);
}

// acl PATH ENTRY..: as setfacl(1) would, e.g. u::6 u:3001:0 g::4 m::4 o::4; 'default' before them for a default.
static void acl(const char *path, int count, char **entry) {
    struct { uint16_t tag, rights; uint32_t id; } list[64];
    const char *name = "system.posix_acl_access";
    unsigned char bytes[4 + sizeof list];
    int used = 0;
    for (int i = 0; i < count && used < 64; i++) {
        if (!strcmp(entry[i], "default")) {
            name = "system.posix_acl_default";
            continue;
        }
        char *id = strchr(entry[i], ':') + 1, *rights = strchr(id, ':') + 1;
        int named = rights - id > 1;
        list[used].tag = entry[i][0] == 'u' ? (named ? 2 : 1) : entry[i][0] == 'g' ? (named ? 8 : 4)
                         : entry[i][0] == 'm' ? 16 : 32;
        list[used].rights = (uint16_t)atoi(rights);
        list[used].id = named ? (uint32_t)atol(id) : UINT32_MAX;
        used++;
    }
    uint32_t version = 2;
    memcpy(bytes, &version, 4);
    memcpy(bytes + 4, list, used * sizeof *list);
    if (setxattr(path, name, bytes, 4 + used * sizeof *list, 0)) fail(path);
}

// slow NAME SECONDS: a manifest that is written a byte at a time.
static void slow(const char *name, double seconds) {
    int file = open(name, O_WRONLY | O_CREAT, 0644);
    for (double end = now() + seconds; file >= 0 && now() < end; pause_for(0.02))
        if (write(file, "#", 1) != 1) return;
}

// repeat COUNT TEXT: to standard output.
static void repeat(long count, const char *text) {
    static char block[1 << 16];
    size_t length = strlen(text), fits = sizeof block / length;
    for (size_t i = 0; i < fits; i++) memcpy(block + i * length, text, length);
    for (long left = count; left > 0; left -= fits)
        if (!fwrite(block, length * (left < (long)fits ? left : (long)fits), 1, stdout)) return;
}

// measure SECONDS COMMAND..: prints its status or 128 and its signal (killed after SECONDS), how many seconds it
// took and how many MiB.
static void measure(const char *limit, char **command) {
    double begin = now();
    struct rusage usage;
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        execv(command[0], command);
        _exit(127);
    }
    while (wait4(child, &status, WNOHANG, &usage) == 0) {
        if (now() - begin > atof(limit)) kill(child, SIGKILL);
        pause_for(0.01);
    }
    fflush(stdout);
    printf("%d %.1f %ld\n", WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status), now() - begin,
           usage.ru_maxrss / 1024);
}

int main(int argc, char **argv) {
    umask(0);
    const char *verb = argc > 2 ? argv[1] : "";
    if (!strcmp(verb, "drop")) drop(argv[2]);
    else if (!strcmp(verb, "probe") && argc == 4) probe(argv[2], argv[3]);
    else if (!strcmp(verb, "flood") && argc >= 4) flood(argv[2], atol(argv[3]), argc > 4 ? argv[4] : NULL);
    else if (!strcmp(verb, "churn")) churn(atof(argv[2]));
    else if (!strcmp(verb, "deep")) deep(atol(argv[2]));
    else if (!strcmp(verb, "swap") && argc == 5) swap(argv[2], argv[3], argv[4]);
    else if (!strcmp(verb, "exchange") && argc == 5) exchange(argv[2], argv[3], argv[4]);
    else if (!strcmp(verb, "steal") && argc >= 5) steal(argv[2], argv[3], argc - 4, argv + 4);
    else if (!strcmp(verb, "acl") && argc >= 4) acl(argv[2], argc - 3, argv + 3);
    else if (!strcmp(verb, "slow") && argc == 4) slow(argv[2], atof(argv[3]));
    else if (!strcmp(verb, "repeat") && argc == 4) repeat(atol(argv[2]), argv[3]);
    else if (!strcmp(verb, "measure") && argc >= 4) measure(argv[2], argv + 3);
    else {
        fprintf(stderr, "hostile: unknown: %s\n", verb);
        return 2;
    }
    return 0;
}
