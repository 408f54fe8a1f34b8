// Runs in the guest: record_writer FIRST FILE...   Writes record after record, each to every file at its place and fsynced,
// and says so. A record is a block of its number, repeated.
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { record_size = 4096, most_files = 4 };

static void give_up(const char *what)
{
    perror(what);
    exit(1);
}

int main(int argc, char **argv)
{
    int files[most_files];
    int count = argc - 2;
    if (count < 1 || count > most_files)
        return 2;
    for (int i = 0; i < count; ++i)
        if ((files[i] = open(argv[i + 2], O_WRONLY | O_CREAT, 0644)) < 0)
            give_up(argv[i + 2]);
    printf("WRITING\n");
    fflush(stdout);
    for (uint64_t number = strtoull(argv[1], NULL, 10);; ++number) {
        uint64_t record[record_size / sizeof number];
        for (unsigned i = 0; i < sizeof record / sizeof *record; ++i)
            record[i] = number;
        for (int i = 0; i < count; ++i) {
            if (pwrite(files[i], record, sizeof record, (off_t)(number * record_size)) != sizeof record)
                give_up("pwrite");
            if (fsync(files[i]) != 0)
                give_up("fsync");
        }
        printf("SAFE %llu\n", (unsigned long long)number);
        fflush(stdout);
    }
}
