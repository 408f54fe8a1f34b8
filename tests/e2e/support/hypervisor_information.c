// Runs in the guest: prints what the system call s390_sthyi gives of the partition: condition and return code, flags, what is valid of
// machine and partition, the partition's number and its shared CPUs.
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

static unsigned char page[4096] __attribute__((aligned(4096)));

static unsigned halfword(unsigned at)
{
    return page[at] << 8 | page[at + 1];
}

int main(void)
{
    uint64_t return_code = 99;
    long condition = syscall(__NR_s390_sthyi, 0UL, page, &return_code, 0UL);
    unsigned machine = halfword(12);
    unsigned partition = halfword(16);
    printf("sthyi %ld %lu: flags %02x machine %02x partition %02x number %u cpus %u\n", condition, (unsigned long)return_code, page[0],
        page[machine + 2], page[partition + 2], halfword(partition + 4), halfword(partition + 10));
    return 0;
}
