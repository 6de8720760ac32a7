/* Order books that kraken-connector-rs shares with other processes: a reader for C11 and C++17.
 *
 * docs/shared-books.md has the layout of the file and what is promised. Include this header before
 * those of the system, or define _DEFAULT_SOURCE: it needs POSIX, flock(2) and, on Linux, futex(2).
 * All functions are static; nothing is to be linked.
 *
 *     kraken_books books;
 *     if (kraken_books_open(&books, "/dev/shm/kraken-main") != 0) ...       // errno value
 *     long slot = kraken_books_find(&books, "BTC/USD");                     // -1: not shared
 *     kraken_book book;
 *     kraken_level bids[10], asks[10];
 *     if (kraken_books_read(&books, slot, 1000000000, &book, bids, asks, 10) == KRAKEN_OK) ...
 *     kraken_books_close(&books);
 *
 * A price is level.price / 10^book.price_scale, in quote currency; a quantity is
 * level.qty / 10^book.qty_scale, in base currency. A `kraken_books` may be used by several threads.
 */
#ifndef KRAKEN_SHARED_BOOKS_H
#define KRAKEN_SHARED_BOOKS_H

#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE 1
#endif

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/futex.h>
#include <sys/syscall.h>
#endif

#ifdef __cplusplus
#include <atomic>
typedef std::atomic<uint64_t> kraken_word;
static_assert(sizeof(kraken_word) == 8, "a word must be 8 bytes");
#define KRAKEN_LOAD(word, order) std::atomic_load_explicit((word), std::memory_order_##order)
#define KRAKEN_FENCE_ACQUIRE() std::atomic_thread_fence(std::memory_order_acquire)
#else
#include <stdatomic.h>
typedef _Atomic uint64_t kraken_word;
_Static_assert(sizeof(kraken_word) == 8, "a word must be 8 bytes");
#define KRAKEN_LOAD(word, order) atomic_load_explicit((word), memory_order_##order)
#define KRAKEN_FENCE_ACQUIRE() atomic_thread_fence(memory_order_acquire)
#endif

/* Why a book cannot be read; KRAKEN_OK: it can. */
typedef enum kraken_status {
    KRAKEN_OK = 0,
    KRAKEN_NOT_VALID,     /* see kraken_book.state */
    KRAKEN_UNFINISHED,    /* a change took longer than 1 ms: the writer stopped in it */
    KRAKEN_WRITER_SILENT, /* no heartbeat for max_age_ns */
    KRAKEN_WRITER_DEAD,   /* its process has ended */
    KRAKEN_WRITER_CLOSED, /* it has ended sharing */
    KRAKEN_NO_SUCH_SLOT
} kraken_status;

typedef enum kraken_state {
    KRAKEN_AWAITING_SNAPSHOT = 0,
    KRAKEN_VALID = 1,
    KRAKEN_STALE = 2,
    KRAKEN_QUARANTINED = 3,
    KRAKEN_UNREPRESENTABLE = 4 /* a number has more than 63 bits */
} kraken_state;

typedef struct kraken_level {
    uint64_t price; /* times 10^price_scale */
    uint64_t qty;   /* times 10^qty_scale */
} kraken_level;

/* A book of one moment. */
typedef struct kraken_book {
    uint64_t sequence; /* changes with the book; for kraken_books_wait */
    unsigned state;    /* a kraken_state */
    unsigned price_scale;
    unsigned qty_scale;
    uint32_t checksum;    /* CRC-32 of the ten best levels of both sides, as the exchange sent it */
    unsigned depth;       /* levels a side of the writer's subscription */
    unsigned bids;        /* levels that are shared */
    unsigned asks;
    uint64_t updates;     /* messages applied */
    int64_t timestamp_ns; /* exchange time of the last, since the epoch; 0 if it had none */
    int64_t received_ns;  /* when the writer received it, since the epoch; 0 if there is none */
} kraken_book;

/* An open file; its members are private. */
typedef struct kraken_books {
    const kraken_word *words;
    size_t size; /* bytes */
    int fd;
    size_t levels, capacity, slot_words, slots;
} kraken_books;

enum {
    KRAKEN_HEAD_WORDS = 512,
    KRAKEN_SYMBOL_WORDS = 4,
    KRAKEN_FACT_WORDS = 8,
    KRAKEN_RANK_WORDS = 4,
    KRAKEN_LINE_WORDS = 8
};

/* Returns nanoseconds of the clock of heartbeats. */
static inline int64_t kraken_monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline size_t kraken_round_up(size_t words)
{
    return (words + KRAKEN_LINE_WORDS - 1) / KRAKEN_LINE_WORDS * KRAKEN_LINE_WORDS;
}

static inline void kraken_books_close(kraken_books *books)
{
    if (books->words != NULL) munmap((void *)(uintptr_t)books->words, books->size);
    if (books->fd >= 0) close(books->fd);
    books->words = NULL;
    books->fd = -1;
}

/* Returns whether the head is that of a file of this version, with all its slots. */
static inline int kraken_books_fit(kraken_books *books)
{
    const uint16_t one = 1;
    unsigned char is_little_endian;
    memcpy(&is_little_endian, &one, 1);
    const uint64_t version = KRAKEN_LOAD(&books->words[1], relaxed);
    const uint64_t sizes = KRAKEN_LOAD(&books->words[2], relaxed);
    books->capacity = (size_t)(sizes & 0xFFFFFFFFu);
    books->levels = (size_t)(sizes >> 32);
    if (!is_little_endian || books->levels < 10 || books->levels > 1000 || books->capacity < 1 ||
        books->capacity > 16384)
        return 0;
    books->slot_words = kraken_round_up(KRAKEN_FACT_WORDS + KRAKEN_RANK_WORDS * books->levels);
    books->slots = kraken_round_up(KRAKEN_HEAD_WORDS + KRAKEN_SYMBOL_WORDS * books->capacity);
    return KRAKEN_LOAD(&books->words[0], relaxed) == 0x31534B4F4F42434Bu && /* KCBOOKS1 */
           version == (1u | (uint64_t)books->slot_words << 32) &&
           books->size >= 8 * (books->slots + books->capacity * books->slot_words);
}

/* Opens a file of this user, such as /dev/shm/kraken-main.
 *
 * Returns 0 or an errno value: ENOENT, EPERM if the file belongs to another user or others can
 * write it, EINVAL if it is none of this version, and those of open(2) and mmap(2). */
static inline int kraken_books_open(kraken_books *books, const char *path)
{
    struct stat about;
    int error = 0;
    void *memory;
    memset(books, 0, sizeof *books);
    books->fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (books->fd < 0) return errno;
    if (fstat(books->fd, &about) != 0) {
        error = errno;
    } else if (!S_ISREG(about.st_mode) || about.st_uid != geteuid() || (about.st_mode & 022) != 0) {
        error = EPERM;
    } else if (about.st_size < 8 * KRAKEN_HEAD_WORDS) {
        error = EINVAL;
    } else {
        books->size = (size_t)about.st_size;
        memory = mmap(NULL, books->size, PROT_READ, MAP_SHARED, books->fd, 0);
        if (memory == MAP_FAILED) {
            error = errno;
        } else {
            books->words = (const kraken_word *)memory;
            if (!kraken_books_fit(books)) error = EINVAL;
        }
    }
    if (error != 0) kraken_books_close(books);
    return error;
}

/* Returns the slot of a symbol, which never changes, or -1 if it is not shared (yet). */
static inline long kraken_books_find(const kraken_books *books, const char *symbol)
{
    uint64_t wanted[KRAKEN_SYMBOL_WORDS] = {0, 0, 0, 0};
    const size_t length = strlen(symbol);
    uint64_t used = KRAKEN_LOAD(&books->words[9], acquire);
    if (length >= sizeof wanted) return -1;
    memcpy(wanted, symbol, length);
    if (used > books->capacity) used = books->capacity;
    for (size_t slot = 0; slot < used; slot++) {
        const kraken_word *words = &books->words[KRAKEN_HEAD_WORDS + KRAKEN_SYMBOL_WORDS * slot];
        size_t same = 0;
        while (same < KRAKEN_SYMBOL_WORDS && KRAKEN_LOAD(&words[same], relaxed) == wanted[same])
            same++;
        if (same == KRAKEN_SYMBOL_WORDS) return (long)slot;
    }
    return -1;
}

/* Returns whether the writer lives; its last heartbeat may be `max_age_ns` old. */
static inline kraken_status kraken_books_check(const kraken_books *books, int64_t max_age_ns)
{
    const int64_t beat = (int64_t)KRAKEN_LOAD(&books->words[8], acquire);
    const int64_t age = kraken_monotonic_ns() - beat;
    if (KRAKEN_LOAD(&books->words[11], acquire) != 0) return KRAKEN_WRITER_CLOSED;
    if (age >= 0 && age < 300000000 && age < max_age_ns) return KRAKEN_OK;
    /* The writer holds a lock until its process ends. */
    if (flock(books->fd, LOCK_SH | LOCK_NB) == 0) {
        flock(books->fd, LOCK_UN);
        return KRAKEN_WRITER_DEAD;
    }
    return age >= 0 && age <= max_age_ns ? KRAKEN_OK : KRAKEN_WRITER_SILENT;
}

/* Copies a slot once; returns whether it did not change meanwhile. */
static inline int kraken_copy_slot(const kraken_word *words, uint64_t *facts, kraken_level *bids,
                                   kraken_level *asks, size_t levels)
{
    const kraken_word *rank = words + KRAKEN_FACT_WORDS;
    facts[0] = KRAKEN_LOAD(&words[0], acquire);
    for (size_t at = 1; at < 6; at++) facts[at] = KRAKEN_LOAD(&words[at], relaxed);
    for (size_t at = 0; at < levels; at++, rank += KRAKEN_RANK_WORDS) {
        bids[at].price = KRAKEN_LOAD(&rank[0], relaxed);
        bids[at].qty = KRAKEN_LOAD(&rank[1], relaxed);
        asks[at].price = KRAKEN_LOAD(&rank[2], relaxed);
        asks[at].qty = KRAKEN_LOAD(&rank[3], relaxed);
    }
    KRAKEN_FENCE_ACQUIRE();
    return (facts[0] & 1) == 0 && KRAKEN_LOAD(&words[0], relaxed) == facts[0];
}

/* Reads a book of one moment, and whether it may be believed.
 *
 * `bids` and `asks` get the best `levels` of each side, best first; book->bids and book->asks, at
 * most `levels`, are how many there are. Unless the result is KRAKEN_OK both are 0. */
static inline kraken_status kraken_books_read(const kraken_books *books, long slot,
                                              int64_t max_age_ns, kraken_book *book,
                                              kraken_level *bids, kraken_level *asks,
                                              size_t levels)
{
    uint64_t facts[6];
    const kraken_word *words;
    const size_t copied = levels < books->levels ? levels : books->levels;
    int64_t start = 0, since = 0;
    uint64_t last = 0;
    unsigned tries = 0;
    kraken_status status;
    memset(book, 0, sizeof *book);
    if (slot < 0 || (size_t)slot >= books->capacity) return KRAKEN_NO_SUCH_SLOT;
    words = &books->words[books->slots + (size_t)slot * books->slot_words];
    while (!kraken_copy_slot(words, facts, bids, asks, copied)) {
        if (++tries % 256 == 0) {
            const int64_t now = kraken_monotonic_ns();
            if (start == 0) start = now;
            if (facts[0] != last) since = now;
            last = facts[0];
            if (now - since > 1000000 || now - start > 100000000) return KRAKEN_UNFINISHED;
        }
    }
    book->sequence = facts[0];
    book->state = (unsigned)(facts[1] >> 8 & 0xFF);
    if ((facts[1] & 0xFF) != 1 || book->state > KRAKEN_UNREPRESENTABLE)
        book->state = KRAKEN_AWAITING_SNAPSHOT;
    book->price_scale = (unsigned)(facts[1] >> 16 & 0xFF);
    book->qty_scale = (unsigned)(facts[1] >> 24 & 0xFF);
    book->checksum = (uint32_t)(facts[1] >> 32);
    book->depth = (unsigned)(facts[2] & 0xFFFF);
    book->updates = facts[3];
    book->timestamp_ns = (int64_t)facts[4];
    book->received_ns = (int64_t)facts[5];
    status = kraken_books_check(books, max_age_ns);
    if (status == KRAKEN_OK && book->state != KRAKEN_VALID) status = KRAKEN_NOT_VALID;
    if (status == KRAKEN_OK) {
        const unsigned most = (unsigned)copied;
        book->bids = (unsigned)(facts[2] >> 16 & 0xFFFF);
        book->asks = (unsigned)(facts[2] >> 32 & 0xFFFF);
        if (book->bids > most) book->bids = most;
        if (book->asks > most) book->asks = most;
    }
    return status;
}

/* Waits until the book of a slot is not the one with this `sequence` any more, at most for
 * `longest_ns`; it may return early. Check the writer after each wait: a dead one wakes nobody. */
static inline void kraken_books_wait(const kraken_books *books, long slot, uint64_t sequence,
                                     int64_t longest_ns)
{
    struct timespec longest;
    const kraken_word *word;
    if (slot < 0 || (size_t)slot >= books->capacity || longest_ns <= 0) return;
    word = &books->words[books->slots + (size_t)slot * books->slot_words];
#ifdef __linux__
    longest.tv_sec = (time_t)(longest_ns / 1000000000);
    longest.tv_nsec = (long)(longest_ns % 1000000000);
    syscall(SYS_futex, (const uint32_t *)(const void *)word, FUTEX_WAIT,
            (uint32_t)(sequence & 0xFFFFFFFFu), &longest, NULL, 0);
#else
    if (KRAKEN_LOAD(word, relaxed) != sequence) return;
    longest.tv_sec = 0;
    longest.tv_nsec = longest_ns < 1000000 ? (long)longest_ns : 1000000;
    nanosleep(&longest, NULL);
#endif
}

#endif /* KRAKEN_SHARED_BOOKS_H */
