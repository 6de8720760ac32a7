/* Prints books as `kraken_shared_books.h` reads them, or verifies and times reads of one.
 *
 *     reader FILE SYMBOL                  levels, as integers
 *     reader FILE SYMBOL verify READS     counts reads with a wrong checksum
 *     reader FILE SYMBOL time READS LEVELS    ns of processor time a read
 *     reader FILE SYMBOL wait                 waits for a change, then prints it
 */
#include "kraken_shared_books.h"

#include <stdio.h>
#include <stdlib.h>

enum { LEVELS = 10 };
static const int64_t MAX_AGE = 60000000000;

static uint32_t crc_table[256];

static void make_table(void)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t value = byte;
        for (int bit = 0; bit < 8; bit++) value = value & 1 ? value >> 1 ^ 0xEDB88320u : value >> 1;
        crc_table[byte] = value;
    }
}

static uint32_t add_number(uint32_t crc, uint64_t number)
{
    char digits[24];
    int count = 0;
    do digits[count++] = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    while (count > 0) crc = crc >> 8 ^ crc_table[(crc ^ (unsigned char)digits[--count]) & 0xFF];
    return crc;
}

/* Asks first, each level's price and quantity without the point: guide "book checksum v2". */
static uint32_t checksum(const kraken_book *book, const kraken_level *bids,
                         const kraken_level *asks)
{
    uint32_t crc = 0xFFFFFFFFu;
    for (unsigned at = 0; at < book->asks && at < 10; at++)
        crc = add_number(add_number(crc, asks[at].price), asks[at].qty);
    for (unsigned at = 0; at < book->bids && at < 10; at++)
        crc = add_number(add_number(crc, bids[at].price), bids[at].qty);
    return ~crc;
}

static int show(const kraken_books *books, long slot)
{
    kraken_book book;
    kraken_level bids[LEVELS], asks[LEVELS];
    const kraken_status status = kraken_books_read(books, slot, MAX_AGE, &book, bids, asks, LEVELS);
    printf("status %d state %u scales %u %u checksum %u updates %llu\n", (int)status, book.state,
           book.price_scale, book.qty_scale, (unsigned)book.checksum,
           (unsigned long long)book.updates);
    for (unsigned at = 0; at < book.bids; at++)
        printf("bid %llu %llu\n", (unsigned long long)bids[at].price,
               (unsigned long long)bids[at].qty);
    for (unsigned at = 0; at < book.asks; at++)
        printf("ask %llu %llu\n", (unsigned long long)asks[at].price,
               (unsigned long long)asks[at].qty);
    return 0;
}

static int verify(const kraken_books *books, long slot, long reads)
{
    kraken_book book;
    kraken_level bids[LEVELS], asks[LEVELS];
    long wrong = 0, good = 0, unfinished = 0;
    uint64_t changes = 0, last = 0;
    make_table();
    while (good < reads) {
        switch (kraken_books_read(books, slot, MAX_AGE, &book, bids, asks, LEVELS)) {
        case KRAKEN_OK:
            good++;
            wrong += checksum(&book, bids, asks) != book.checksum;
            changes += book.updates != last;
            last = book.updates;
            break;
        case KRAKEN_UNFINISHED: unfinished++; break;
        default: printf("the writer is gone\n"); return 1;
        }
    }
    printf("%ld wrong of %ld, %ld unfinished, %llu changes seen\n", wrong, good, unfinished,
           (unsigned long long)changes);
    return wrong != 0;
}

static double processor_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return 1e9 * (double)now.tv_sec + (double)now.tv_nsec;
}

static int measure(const kraken_books *books, long slot, long reads, size_t levels)
{
    kraken_book book;
    kraken_level bids[LEVELS], asks[LEVELS];
    uint64_t sum = 0;
    long failed = 0;
    const double start = processor_ns();
    for (long number = 0; number < reads; number++) {
        failed += kraken_books_read(books, slot, MAX_AGE, &book, bids, asks, levels) != KRAKEN_OK;
        sum += bids[0].price + asks[levels - 1].qty;
    }
    printf("%.2f ns, %ld failed, %llu\n", (processor_ns() - start) / (double)reads, failed,
           (unsigned long long)sum);
    return 0;
}

int main(int count, char **arguments)
{
    kraken_books books;
    long slot;
    int error, result = 2;
    if (count < 3) return 2;
    error = kraken_books_open(&books, arguments[1]);
    if (error != 0) {
        printf("%s\n", strerror(error));
        return 1;
    }
    slot = kraken_books_find(&books, arguments[2]);
    if (slot < 0) {
        printf("no such symbol\n");
        result = 1;
    } else if (count == 3) {
        result = show(&books, slot);
    } else if (strcmp(arguments[3], "verify") == 0) {
        result = verify(&books, slot, atol(arguments[4]));
    } else if (strcmp(arguments[3], "time") == 0) {
        result = measure(&books, slot, atol(arguments[4]), (size_t)atol(arguments[5]));
    } else if (strcmp(arguments[3], "wait") == 0) {
        kraken_book book;
        kraken_level bids[1], asks[1];
        kraken_books_read(&books, slot, MAX_AGE, &book, bids, asks, 1);
        printf("waits\n");
        fflush(stdout);
        kraken_books_wait(&books, slot, book.sequence, 30000000000);
        result = show(&books, slot);
    }
    kraken_books_close(&books);
    return result;
}
